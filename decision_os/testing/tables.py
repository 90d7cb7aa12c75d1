"""Frames of any dataframe engine whose rows lie at the edges of a decision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from decision_os.errors import InputError, NotFoundError, nearest
from decision_os.testing.draws import inputs
from decision_os.testing.subject import Subject, count_of, subject_of
from decision_os.values import Reading, Unknown

__all__ = ["ENGINES", "as_rows", "checked", "frames", "made"]

ENGINES: Final = ("polars", "polars-lazy", "pandas", "pyarrow", "duckdb")
"""The dataframe engines that a frame can be made in."""


def frames(playbook: Subject, engine: str = "polars", *, rows: int = 8, unknowns: bool = True) -> st.SearchStrategy[Any]:
    """Frames with one column for each input, each row drawn as `inputs` draws one; up to `rows` rows, at least one.

    `engine` is one of polars, polars-lazy, pandas, pyarrow, duckdb. A cell of an unknown input is null; an input of a finer grain has one value a row.
    Raises `InputError` for an engine that is none of these and for fewer than one row, `NotFoundError` for one that is not installed.

    >>> import decision_os as dos
    >>> from decision_os import testing
    >>> from hypothesis import given, settings
    >>> engine = dos.Engine.load(dos.reference_rules())
    >>> @settings(max_examples=10)
    ... @given(testing.frames(testing.playbook(engine, "channel.invest"), engine="polars"))
    ... def test_every_row_is_decided(frame):
    ...     assert engine.decide_frame("channel.invest", frame)["outcome"].null_count() == 0
    >>> test_every_row_is_decided()
    """
    subject = subject_of(playbook, "frames")
    checked(engine)
    return st.lists(as_rows(subject, unknowns=unknowns), min_size=1, max_size=count_of(rows, "rows")).map(lambda drawn: made(subject, drawn, engine))


def checked(engine: object) -> None:
    """Refuse what is no dataframe engine, or is not installed."""
    if engine not in ENGINES:
        raise InputError(f"`{engine}` is no dataframe engine", name="engine", hint=nearest(engine, ENGINES) or f"one of {', '.join(ENGINES)}")
    _module(str(engine))


def as_rows(subject: Subject, *, unknowns: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs as the row of a frame has them: plain values, None where they are unknown."""
    names = subject.engine.needs(subject.node)
    return inputs(subject.flat, unknowns=unknowns).map(lambda given: {name: _plain(given.get(name)) for name in names})


def _plain(value: Any) -> Any:
    """A cell; what only a reading can say (its age, its n) a frame does not know."""
    value = value.value if isinstance(value, Reading) else value
    return None if isinstance(value, Unknown) or (isinstance(value, float) and math.isnan(value)) else value


def made(subject: Subject, rows: Sequence[Mapping[str, Any]], engine: str) -> Any:
    """Those rows as a frame of an engine, each column of the type that its input has."""
    kinds = {place.own: place.kind for place in subject.flat.ground.places.values()}
    columns = {name: [_cell(row[name], kinds[name]) for row in rows] for name in rows[0]}
    library = _module(engine)
    if engine in ("polars", "polars-lazy"):
        types = {"number": library.Float64, "truth": library.Boolean, "text": library.String}
        frame = library.DataFrame(columns, schema={name: types[kinds[name]] for name in columns})
        return frame.lazy() if engine == "polars-lazy" else frame
    if engine == "pandas":
        dtypes = {"number": "float64", "truth": "boolean", "text": "string"}
        return library.DataFrame({name: library.Series(cells, dtype=dtypes[kinds[name]]) for name, cells in columns.items()})
    arrow = _module("pyarrow")
    types = {"number": arrow.float64(), "truth": arrow.bool_(), "text": arrow.string()}
    table = arrow.table({name: arrow.array(cells, type=types[kinds[name]]) for name, cells in columns.items()})
    return library.connect().from_arrow(table) if engine == "duckdb" else table


def _cell(value: Any, kind: str) -> Any:
    return float(value) if kind == "number" and value is not None else value


def _module(engine: str) -> Any:
    import importlib  # noqa: PLC0415  # the dataframe engine, when a frame of it is asked for

    name = "polars" if engine == "polars-lazy" else engine
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotFoundError(f'frames of {name} need it: pip install "decision-os[{name}]"') from None
