"""`python -m benchmarks.dataframes`: the two rules over many rows on each engine beside what one writes by hand there, and contract tests beside pandera.

Both sides of a race write the same four columns. What is written by hand ignores missing values and rounding, as such code does: where a value is missing its
answer is not ours. `--parquet` decides a file of so many rows in a process of its own and says the time and the memory it took; `--spark` takes the same rules
on Spark, local, beside the same aggregation written there.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import decision_os as dos
from benchmarks.cases import NODE
from benchmarks.frames import GIVEN, sample
from benchmarks.timing import Contender, Timing, race
from decision_os.contracts import check_entity
from decision_os.expr import compile as compiled
from decision_os.model import BreakAction, Column, Entity, RowTest

__all__ = ["against_pandera", "on_engines"]

_PAUSE = "cac_per_sqo >= cac_per_sqo_baseline * 1.2 OR attribution_validity < 0.995"
_INVEST = "cac_per_sqo <= cac_per_sqo_baseline * 0.9 AND win_rate >= win_rate_baseline + 0.02"
_BY_SQL = (
    "*",
    f"CASE WHEN {_PAUSE} OR {_INVEST} THEN 'act' ELSE 'hold' END AS outcome",
    f"CASE WHEN {_PAUSE} THEN 'pause channel' WHEN {_INVEST} THEN '+20% budget' END AS action",
    f"CASE WHEN {_PAUSE} THEN 'pause' WHEN {_INVEST} THEN 'invest' END AS branch",
    "'' AS unknowns",
)


def on_engines(engine: dos.Engine, frame: pl.DataFrame) -> dict[str, tuple[Contender, Contender]]:
    """On each engine what is written by hand and ours, in that order."""
    ours = {"pandas": frame.to_pandas(), "PyArrow": frame.to_arrow()}
    database = duckdb.connect()
    database.register("given", frame.to_arrow())
    database.execute("CREATE TABLE rows AS SELECT * FROM given")  # in its own storage, as a table is

    def decide(rows: Any) -> Any:
        return engine.decide_frame(NODE, rows, given=GIVEN)

    def pair(name: str, argument: Any, by_hand: Callable[[Any], Any], end: Callable[[Any], Any] = lambda found: found) -> tuple[Contender, Contender]:
        return (
            Contender(f"{name} by hand", "four columns, no unknowns", lambda rows: end(by_hand(rows)), argument),
            Contender(f"Decision OS on {name}", "four columns", lambda rows: end(decide(rows)), argument),
        )

    return {
        "Polars": pair("Polars", frame, lambda rows: _by_polars(rows.lazy()).collect()),
        "Polars, lazy": pair("Polars, lazy", frame.lazy(), _by_polars, lambda found: found.collect()),
        "DuckDB": pair("DuckDB", database.table("rows"), lambda rows: rows.project(", ".join(_BY_SQL)), _arrow),
        "pandas": pair("pandas", ours["pandas"], _by_pandas),
        "PyArrow": pair("PyArrow", ours["PyArrow"], _by_arrow),
    }


def _arrow(relation: Any) -> pa.Table:
    return relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.fetch_arrow_table()


def _by_polars(rows: pl.LazyFrame) -> pl.LazyFrame:
    cac, base, win, win_base, valid = (pl.col(name) for name in rows.collect_schema())
    pause, invest = (cac >= base * 1.2) | (valid < 0.995), (cac <= base * 0.9) & (win >= win_base + 0.02)
    return rows.with_columns(
        outcome=pl.when(pause | invest).then(pl.lit("act")).otherwise(pl.lit("hold")),
        action=pl.when(pause).then(pl.lit("pause channel")).when(invest).then(pl.lit("+20% budget")),
        branch=pl.when(pause).then(pl.lit("pause")).when(invest).then(pl.lit("invest")),
        unknowns=pl.lit(""),
    )


def _by_pandas(rows: pd.DataFrame) -> pd.DataFrame:
    pause = (rows["cac_per_sqo"] >= rows["cac_per_sqo_baseline"] * 1.2) | (rows["attribution_validity"] < 0.995)
    invest = (rows["cac_per_sqo"] <= rows["cac_per_sqo_baseline"] * 0.9) & (rows["win_rate"] >= rows["win_rate_baseline"] + 0.02)
    nothing = np.array(None, dtype=object)
    return rows.assign(
        outcome=np.where(pause | invest, "act", "hold"),
        action=np.select([pause, invest], ["pause channel", "+20% budget"], default=nothing),
        branch=np.select([pause, invest], ["pause", "invest"], default=nothing),
        unknowns="",
    )


def _by_arrow(rows: pa.Table) -> pa.Table:
    cac, base, win, win_base, valid = (rows[name] for name in rows.column_names)
    pause = pc.or_(pc.greater_equal(cac, pc.multiply(base, 1.2)), pc.less(valid, 0.995))
    invest = pc.and_(pc.less_equal(cac, pc.multiply(base, 0.9)), pc.greater_equal(win, pc.add(win_base, 0.02)))
    nothing = pa.scalar(None, pa.string())
    made = {
        "outcome": pc.if_else(pc.or_(pause, invest), "act", "hold"),
        "action": pc.if_else(pause, "pause channel", pc.if_else(invest, "+20% budget", nothing)),
        "branch": pc.if_else(pause, "pause", pc.if_else(invest, "invest", nothing)),
        "unknowns": pa.array([""]).take(pa.array(np.zeros(len(rows), dtype=np.int32))),
    }
    for name, column in made.items():
        rows = rows.append_column(name, column)
    return rows


# ── contract tests ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

_STAGES = ("Prospecting", "Closed Won", "Closed Lost")


def _deals(rows: int) -> pl.DataFrame:
    """Typed rows, one in a hundred of which fails a test."""
    draw = np.random.default_rng(20261006)
    amount = draw.integers(100, 10_000_000, rows) / 100
    return pl.DataFrame(
        {
            "id": np.arange(rows).astype(str),
            "owner": draw.choice(["Ana", "Bo", "Cy", ""], rows, p=[0.4, 0.3, 0.297, 0.003]),
            "stage": draw.choice([*_STAGES, "closed won"], rows, p=[0.5, 0.2, 0.297, 0.003]),
            "amount": np.where(draw.random(rows) < 0.002, -amount, amount),
            "discount": draw.uniform(0, 0.5, rows),
            "seats": draw.integers(1, 500, rows),
        }
    ).with_columns(pl.col("owner").replace("", None))


def against_pandera(rows: int) -> list[Contender]:
    """Eight tests over one frame: pandera's checks alone, and ours with the rows split. Raises `ModuleNotFoundError` where there is no pandera."""
    import pandera.polars as pandera  # a peer, where it is installed

    checks = pandera.DataFrameSchema(
        {
            "id": pandera.Column(str, nullable=False, unique=True),
            "owner": pandera.Column(str, nullable=False),
            "stage": pandera.Column(str, pandera.Check.isin(_STAGES)),
            "amount": pandera.Column(float, pandera.Check.ge(0)),
            "discount": pandera.Column(float, pandera.Check.in_range(0, 0.5)),
            "seats": pandera.Column(int, pandera.Check.in_range(1, 500)),
        }
    )

    def validated(frame: pl.DataFrame) -> int:
        try:
            checks.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as found:
            return len(found.failure_cases)
        return 0

    kinds = {"id": "identifier", "owner": "text", "stage": "category", "amount": "money", "discount": "share", "seats": "integer"}
    aside = BreakAction(text="quarantine_record", quarantine="")
    tests = [
        RowTest(id="unique", kind="unique", columns=("id",), break_action=aside),
        RowTest(id="named", kind="required", columns=("id",), break_action=aside),
        RowTest(id="owned", kind="required", columns=("owner",), break_action=aside),
        RowTest(id="stages", kind="enum", columns=("stage",), values=_STAGES, break_action=aside),
        *(
            RowTest(id=f"range_{text.split()[0]}", kind="range", columns=(), assertion=compiled(text), break_action=aside)
            for text in ("amount >= 0", "discount in [0, 0.5]", "seats in [1, 500]")
        ),
    ]
    columns = {name: Column(id=name, source_name=name, type=kind) for name, kind in kinds.items()}
    entity = Entity(id="deals", source="crm", key=("id",), columns=columns, tests=tuple(tests))  # and that every cell is of its type: eight
    frame = _deals(rows)
    return [
        Contender("pandera, checks alone", "failure cases", validated, frame),
        Contender("Decision OS", "rows passed, and the quarantine", lambda given: check_entity(entity, given, zone="ET").quarantine, frame),
    ]


# ── larger than memory, and Spark ────────────────────────────────────────────────────────────────────────────────────────────────────

_CHILD = """
import resource, sys, time
import duckdb
import polars as pl
import decision_os as dos
from benchmarks.cases import NODE
from benchmarks.frames import GIVEN
engine, (on, read, written) = dos.Engine.load(dos.reference_rules()), sys.argv[1:]
start = time.perf_counter()
if on == "DuckDB":
    warehouse = duckdb.connect()
    warehouse.execute("SET memory_limit = '1GB'; SET enable_progress_bar = false")
    engine.decide_frame(NODE, warehouse.read_parquet(read), given=GIVEN).write_parquet(written)
else:
    engine.decide_frame(NODE, pl.scan_parquet(read), given=GIVEN).sink_parquet(written)
print(f"{time.perf_counter() - start:.1f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB resident at most")
"""


def _from_parquet(rows: int, engine: str) -> str:
    """Written in files of a million rows, so that this process needs no more than that either."""
    with tempfile.TemporaryDirectory() as folder:
        million = sample(min(rows, 1_000_000))
        for part in range(max(rows // 1_000_000, 1)):
            million.write_parquet(Path(folder) / f"rows_{part}.parquet")
        command = [sys.executable, "-c", _CHILD, engine, str(Path(folder) / "rows_*.parquet"), str(Path(folder) / "out.parquet")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # this program itself


def _on_spark(engine: dos.Engine, rows: int) -> str:
    from pyspark.sql import SparkSession  # large, and only here

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        sample(rows).write_parquet(Path(folder) / "rows.parquet")
        frame = session.read.parquet(folder)
        by_hand = frame.selectExpr(*_BY_SQL)

        def took(decided: Any) -> float:
            start = time.perf_counter()
            decided.groupBy("outcome", "action", "branch", "unknowns").count().collect()
            return time.perf_counter() - start

        took(by_hand)
        hand, ours = took(by_hand), took(engine.decide_frame(NODE, frame, given=GIVEN))  # ours with the planning it needs
    return f"by hand {hand:.1f} s, ours {ours:.1f} s"


def _told(title: str, timings: Sequence[Timing]) -> None:
    for timing in timings:
        print(f"{title}: {timing.contender.name}: {timing.median * 1e3:,.0f} ms, {timing.times(timings[0]):.2f} times {timings[0].contender.name}", flush=True)


def main() -> None:
    """Run the races and print what came out."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.dataframes", description="The two rules and contract tests over many rows, on each engine.")
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--parquet", type=int, nargs="*", default=[], help="rows of the files to decide on, as `1000000 100000000`")
    options.add_argument("--spark", action="store_true")
    chosen = options.parse_args()
    engine = dos.Engine.load(dos.reference_rules())
    for title, frame in (("complete", sample(chosen.rows).with_columns(pl.col("win_rate").fill_null(0.3))), ("with gaps", sample(chosen.rows))):
        for name, contenders in on_engines(engine, frame).items():
            _told(f"{chosen.rows:,} rows, {title}, {name}", race(contenders, rounds=chosen.rounds))
    try:
        _told(f"{chosen.rows:,} rows, eight contract tests", race(against_pandera(chosen.rows), rounds=chosen.rounds))
    except ModuleNotFoundError as missing:
        print(f"{missing}: contract tests are raced where it is installed", file=sys.stderr)
    for rows in chosen.parquet:
        for name in ("Polars streaming", "DuckDB"):
            print(f"{rows:,} rows from Parquet and back, {name}: {_from_parquet(rows, name)}", flush=True)
    if chosen.spark:
        print(f"{chosen.rows:,} rows on Spark: {_on_spark(engine, chosen.rows)}")
    print(f"(this process had {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB at most)")


if __name__ == "__main__":
    main()
