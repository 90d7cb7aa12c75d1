"""The two rules over columns: `Engine.decide_frame`, and what one writes by hand in the engine's own expressions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import decision_os as dos
from benchmarks.cases import NODE
from benchmarks.timing import Contender

__all__ = ["GIVEN", "contenders", "polars_by_hand", "polars_with_unknowns", "sample"]

GIVEN = {"slo_green": True, "attribution_validity_overall": 0.997}
"""The same for all rows."""


def sample(rows: int) -> pl.DataFrame:
    """Five columns of seeded numbers; one win rate in a hundred is missing."""
    draw = np.random.default_rng(20261006)
    win_rate = draw.uniform(0.2, 0.4, rows)
    return pl.DataFrame(
        {
            "cac_per_sqo": draw.uniform(50, 150, rows),
            "cac_per_sqo_baseline": draw.uniform(80, 120, rows),
            "win_rate": pl.Series(win_rate).scatter(np.flatnonzero(draw.random(rows) < 0.01), None),
            "win_rate_baseline": draw.uniform(0.2, 0.35, rows),
            "attribution_validity": draw.uniform(0.99, 1.0, rows),
        }
    )


def contenders(engine: dos.Engine, rows: int) -> list[Contender]:
    """Ours and by hand, on Polars (eager and lazy) and on pandas."""
    frame = sample(rows)
    by_pandas = pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    decide: Callable[[Any], Any] = functools.partial(engine.decide_frame, NODE, given=GIVEN)
    ours = "outcome, action, branch, names of the unknowns; rounding bound; nulls by Kleene"
    return [
        Contender("Decision OS on Polars", ours, decide, frame),
        Contender("Decision OS on Polars, lazy, collected", ours, lambda lazy: decide(lazy).collect(), frame.lazy()),
        Contender("Polars by hand", "outcome, action; a null holds", polars_by_hand, frame),
        Contender("Polars by hand, with unknowns", "outcome, action, branch, names of the unknowns; plain floats", polars_with_unknowns, frame),
        Contender("Decision OS on pandas", ours, decide, by_pandas),
        Contender("pandas by hand", "outcome, action; a null holds", _pandas_by_hand, by_pandas),
    ]


_VALUE = pl.col("cac_per_sqo"), pl.col("cac_per_sqo_baseline"), pl.col("win_rate"), pl.col("win_rate_baseline"), pl.col("attribution_validity")


def _conditions() -> tuple[pl.Expr, pl.Expr]:
    cac, baseline, win, win_baseline, validity = _VALUE
    return (cac >= baseline * 1.2) | (validity < 0.995), (cac <= baseline * 0.9) & (win >= win_baseline + 0.02)


def polars_by_hand(frame: pl.DataFrame) -> pl.DataFrame:
    """What most would write: a null is neither, and so the row holds."""
    pause, invest = _conditions()
    return frame.with_columns(
        outcome=pl.when(pause | invest).then(pl.lit("act")).otherwise(pl.lit("hold")),
        action=pl.when(pause).then(pl.lit("pause channel")).when(invest).then(pl.lit("+20% budget")),
    )


def polars_with_unknowns(frame: pl.DataFrame) -> pl.DataFrame:
    """What one would have to write for the same columns, with plain floats, and for a missing win rate only."""
    pause, invest = _conditions()
    unknown = (pause | invest).is_null()
    return frame.with_columns(
        outcome=pl.when(unknown).then(pl.lit("undetermined")).when(pause | invest).then(pl.lit("act")).otherwise(pl.lit("hold")),
        action=pl.when(pause).then(pl.lit("pause channel")).when(invest).then(pl.lit("+20% budget")),
        branch=pl.when(pause).then(pl.lit("pause")).when(invest).then(pl.lit("invest")),
        unknowns=pl.when(unknown).then(pl.lit("win_rate")).otherwise(pl.lit("")),
    )


def _pandas_by_hand(frame: pd.DataFrame) -> pd.DataFrame:
    pause = (frame["cac_per_sqo"] >= frame["cac_per_sqo_baseline"] * 1.2) | (frame["attribution_validity"] < 0.995)
    invest = (frame["cac_per_sqo"] <= frame["cac_per_sqo_baseline"] * 0.9) & (frame["win_rate"] >= frame["win_rate_baseline"] + 0.02)
    return frame.assign(
        outcome=np.where(pause | invest, "act", "hold"),
        action=np.select([pause, invest], ["pause channel", "+20% budget"], default=np.array(None, dtype=object)),
    )
