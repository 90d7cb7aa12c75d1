"""A case, decided: whether it comes to what it says, and what there is to read where it does not."""

from __future__ import annotations

from collections.abc import Iterator

from decision_os.cases.reading import Case
from decision_os.engine import Engine
from decision_os.record import DecisionRecord

__all__ = ["as_expected", "check", "decided"]


def decided(engine: Engine, case: Case) -> DecisionRecord:
    """The record of a case."""
    return engine.decide(case.node, case.values, at=case.at, choose=case.choose)


def as_expected(engine: Engine, case: Case) -> bool:
    """Whether a case comes to what it says."""
    return not any(_differences(case, decided(engine, case)))


def check(engine: Engine, case: Case) -> str:
    """Nothing where a case comes to what it says; else where it stands, what was expected and came, and the decision's explanation.

    >>> import attrs
    >>> from decision_os.cases import read_cases
    >>> from decision_os.reference import reference_rules
    >>> engine = Engine.load(reference_rules())
    >>> case = attrs.evolve(read_cases(reference_rules() / "cases.yaml", engine)[0], action="+5% list")
    >>> print(check(engine, case).partition("cases.yaml")[2])  # doctest: +ELLIPSIS
    :7:7 pricing.change: $40 a seat at +8 % gives +$3.20 and acts
      action
        - expected  +5% list
        + got       +8% list
    <BLANKLINE>
    Pricing change for list-price, ...: ACT, +8% list (...)
    ...
    """
    record = decided(engine, case)
    differs = list(_differences(case, record))
    return "\n".join([f"{case.where} {case.id}", *differs, "", record.explain()]) if differs else ""


def _differences(case: Case, record: DecisionRecord) -> Iterator[str]:
    pairs: list[tuple[str, object, object]] = [
        ("outcome", case.outcome.value, record.outcome.value),
        ("action", case.action, record.action),
        ("branch", case.branch, record.branch),
        ("unknowns", case.unknowns, record.unknowns),
        ("blocked by", case.by, record.blocked_by),
    ]
    for what, expected, got in pairs:
        if expected is not None and expected != got:
            yield f"  {what}\n    - expected  {_shown(expected)}\n    + got       {_shown(got)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
