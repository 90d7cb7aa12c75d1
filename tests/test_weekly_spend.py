"""Weekly spend by channel, of a public simulation: sums that are counted here once more, the same on every engine.

The file is not part of the project. It is looked for in `shared/data/robyn-weekly` beside the repository's folder.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from decision_os.calendars import period_of
from decision_os.contracts import check_entity
from decision_os.metrics.facts import FactRows
from decision_os.metrics.measures import Shape, collect_cells, measured
from decision_os.model import BreakAction, Column, Entity, Fact, Measure, RowTest
from tests.engines import EAGER, loaded
from tests.metric_rows import Rows, book, metric

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "robyn-weekly" / "dt_simulated_weekly.csv"
SPEND = ("revenue", "tv_S", "ooh_S", "print_S", "facebook_S", "search_S")

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the weekly spend is not part of the project: ../shared/data/robyn-weekly, beside the repository, is absent"
)


@pytest.mark.parametrize("engine", [*EAGER, "polars lazy", "duckdb"])
def test_spend_by_quarter_is_what_is_counted(engine: str) -> None:
    """A week would be counted in another quarter, or cents be lost in floats."""
    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = pa.table({name: [row[name] for row in rows] for name in ("DATE", *SPEND)})
    columns = {"week": Column(id="week", source_name="DATE", type="date")} | {name: Column(id=name, source_name=name, type="money") for name in SPEND}
    once = RowTest(id="once", kind="unique", columns=("week",), break_action=BreakAction(text="quarantine_record", quarantine=""))
    weeks = Entity(id="weeks", source="robyn", key=("week",), columns=columns, tests=(once,))
    checked = check_entity(weeks, loaded(table, engine), zone="ET")
    assert (208, 208, 0) == (checked.rows_in, checked.rows_passed, checked.rows_quarantined)
    facts = FactRows(book([weeks], [Fact(id="weeks", entity="weeks", time="week")]), {"weeks": Rows(checked.every)}).table("weeks")
    for name in SPEND:
        of = Measure(fact="weeks", aggregate="sum", of=name)
        cells = collect_cells(facts, metric(name, (), measure=of), Shape((), "week", "quarter"), zone=ZoneInfo("America/New_York"), fiscal_year_start=1)
        found = {start: measured(of, part, cells.digits, ()) for start, part in next(iter(cells.by_key.values())).items()}
        counted: Counter[dt.date] = Counter()
        for row in rows:
            cents = (Decimal(repr(float(row[name]))) * 100).to_integral_value(ROUND_HALF_UP)
            counted[period_of(dt.date.fromisoformat(row["DATE"]), "quarter", 1).start] += int(cents)
        assert {start: cents / 100 for start, cents in counted.items()} == found, name
