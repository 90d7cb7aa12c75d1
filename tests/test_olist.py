"""A real funnel, run by a rule book of its own: figures counted independently, and a routing policy that must not be promoted.

The two exports are not part of the project. They are looked for in `shared/data/olist-funnel` beside the repository's folder.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import decision_os as dos
from decision_os.batch import read_folder
from decision_os.engine.result import RunResult
from tests.engines import loaded

HERE = Path(__file__).resolve().parent
EXPORTS = HERE.parent.parent / "shared" / "data" / "olist-funnel"
AT = dt.datetime(2018, 11, 20, 12, tzinfo=dt.UTC)

pytestmark = pytest.mark.skipif(
    not EXPORTS.is_dir(), reason="the Olist exports are not part of the project: ../shared/data/olist-funnel, beside the repository, is absent"
)

# Won and leads by origin, as counted independently of this project; `(none)` is where the export leaves the origin empty.
COUNTED = {
    "organic_search": (271, 2296),
    "paid_search": (195, 1586),
    "social": (75, 1350),
    "direct_traffic": (56, 499),
    "email": (15, 493),
    "referral": (24, 284),
    "display": (6, 118),
    "other": (4, 150),
    "other_publicities": (3, 65),
    "unknown": (179, 1099),
    "(none)": (14, 60),
}


@pytest.fixture(scope="module", params=["polars", "pandas", "duckdb"])
def result(request: pytest.FixtureRequest) -> RunResult:
    engine = dos.Engine.load(HERE / "olist_rules")
    given = read_folder(engine.book, EXPORTS, "pandas" if request.param == "pandas" else "polars")
    sources = given.sources if request.param != "duckdb" else {name: loaded(frame.to_arrow(), "duckdb") for name, frame in given.sources.items()}
    return engine.run(sources=sources, at=AT)


def test_every_row_is_read_and_conserved(result: RunResult) -> None:
    """American dates with one-digit fields, or empty origins, would cost rows."""
    counts = {name: (checked.rows_in, checked.rows_passed, checked.rows_quarantined) for name, checked in result.checked.items()}
    assert {"leads": (8000, 8000, 0), "deals": (842, 842, 0)} == counts
    assert {} == dict(result.quarantine)


def test_win_rate_by_origin(result: RunResult) -> None:
    """A deal would be lost on the way to its lead, or an empty origin merged with the literal `unknown`."""
    found = {row.key["origin"]: (row.value, row.n) for row in result.metrics["win_rate"]}
    assert {origin: (pytest.approx(won / leads, rel=1e-11), leads) for origin, (won, leads) in COUNTED.items()} == found


@pytest.mark.parametrize(("metric", "counted"), [("sales_gini", 0.45962), ("development_gini", 0.61773)])
def test_gini_per_representative(result: RunResult, metric: str, counted: float) -> None:
    """The Gini would count representatives that never appear, or be another one than everybody else's."""
    (row,) = result.metrics[metric]
    assert (counted, 842) == (round(row.value, 5), row.n)


def test_the_routing_policy_is_not_promoted_and_says_why(result: RunResult) -> None:
    """A policy that breaks the cap of 0.2 more than twice over would be promoted, or refused without the figures."""
    record = result.record("routing.policy")
    assert (dos.Outcome.BLOCKED, None) == (record.outcome, record.action)
    assert ("sales_fairness", "development_fairness") == record.blocked_by
    text = " ".join(record.explain().split())
    assert "fails: sales_gini ≤ fairness_gini_max; sales_gini = 0.4596, fairness_gini_max = 0.2; 0.2596 short" in text
    assert "fails: development_gini ≤ fairness_gini_max; development_gini = 0.6177, fairness_gini_max = 0.2; 0.4177 short" in text
