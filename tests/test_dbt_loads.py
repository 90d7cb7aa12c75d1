"""dbt's freshness artifacts as load logs: parsed, as a file, as a folder of archived ones."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

import decision_os as dos
from decision_os.errors import DataError
from decision_os.freshness import LoadLog, report
from decision_os.slo import parse_slo
from tests.marts import AT, pricing_frames
from tests.small_book import changed, write

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
NOW = dt.datetime(2026, 10, 6, 7, tzinfo=dt.UTC)


def stamp(at: dt.datetime) -> str:
    """An instant as dbt writes it."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def result(table: str, loaded_at: dt.datetime, seen: dt.datetime, **more: Any) -> dict[str, Any]:
    """One result of `dbt source freshness`, as schema v3 has it."""
    return {
        "unique_id": table,
        "max_loaded_at": stamp(loaded_at),
        "snapshotted_at": stamp(seen),
        "max_loaded_at_time_ago_in_s": (seen - loaded_at).total_seconds(),
        "status": "pass",
        "criteria": {"warn_after": {"count": 12, "period": "hour"}, "error_after": {"count": 24, "period": "hour"}, "filter": None},
        "adapter_response": {},
        "timing": [],
        "thread_id": "Thread-1",
        "execution_time": 0.31,
        **more,
    }


def artifact(*results: dict[str, Any], schema: str = "sources/v3", seen: dt.datetime = NOW) -> dict[str, Any]:
    """A whole `sources.json`."""
    metadata = {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/{schema}.json",
        "dbt_version": "1.8.7",
        "generated_at": stamp(seen),
        "invocation_id": "c0a7e5b4-6d0c-4a57-9f6e-0b9d2a1a7a10",
        "env": {},
    }
    return {"metadata": metadata, "results": list(results), "elapsed_time": 3.4}


def archive(folder: Path, days: int = 32) -> Path:
    """A folder with one artifact a day, as a job leaves them; the CRM is loaded at 6 each morning."""
    for back in range(days):
        seen = NOW - back * DAY
        found = artifact(result("source.shop.crm.deals", seen - HOUR, seen), result("source.shop.ads.costs", seen - 2 * HOUR, seen), seen=seen)
        path = folder / f"{seen:%Y-%m}" / f"{seen:%Y-%m-%dT%H}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    return folder


def test_one_artifact_is_one_load_of_each_table() -> None:
    """The newest load dbt saw would not be the load the age counts from."""
    log = LoadLog.of(artifact(result("source.shop.crm.deals", NOW - HOUR, NOW), result("source.shop.crm.notes", NOW - 3 * HOUR, NOW)))
    assert (("crm",), ()) == (log.sources, log.issues)
    assert ("source.shop.crm.notes", NOW - 3 * HOUR) == log.oldest("crm", NOW)


def test_a_file_and_a_folder_read_as_what_is_in_them(tmp_path: Path) -> None:
    """A path would have to be opened by the caller, and an archive joined by hand."""
    found = artifact(result("source.shop.crm.deals", NOW - HOUR, NOW))
    (tmp_path / "sources.json").write_text(json.dumps(found), encoding="utf-8")
    assert LoadLog.of(found) == LoadLog.of(tmp_path / "sources.json") == LoadLog.of(str(tmp_path))
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")  # of the same target folder, and large
    (tmp_path / "other.json").write_text('{"metadata": {}}', encoding="utf-8")
    assert LoadLog.of(found) == LoadLog.of(tmp_path)


def test_an_archive_is_a_log_of_a_month(tmp_path: Path) -> None:
    """A month of nightly looks would not amount to the share they show."""
    log = LoadLog.of(archive(tmp_path))
    now = report([parse_slo("P(MetricAge<24h)≥0.98", "metrics")], log, NOW)
    assert {("ads", 1.0, True), ("crm", 1.0, True)} == {(status.source, float(status.share), status.green) for status in now.statuses}
    assert 32 == len(log.loads("crm"))
    broken = next(tmp_path.rglob("2026-10-01*.json"))
    broken.write_text(broken.read_text(encoding="utf-8")[:200], encoding="utf-8")  # torn: what it knew is not known
    torn = LoadLog.of(tmp_path)
    assert ["unreadable-artifact"] == [issue.code for issue in torn.issues]
    assert str(broken) in torn.issues[0].message
    assert not report([parse_slo("P(MetricAge<24h)≥0.98", "metrics")], torn, NOW).green


def test_freshness_json_has_models_too() -> None:
    """The newer artifact, which spells its statuses with capitals and knows models, would not be read."""
    found = artifact(
        result("model.shop.mart_channels", NOW - HOUR, NOW, resource_type="model", status="Pass"),
        result("source.shop.crm.deals", NOW - 2 * HOUR, NOW, resource_type="source", status="Error"),
        schema="freshness/v0",
    )
    log = LoadLog.of(found, dbt={"readings": ["mart_channels"], "salesforce": ["source:crm.deals"]})
    assert {"readings": (NOW - HOUR,), "salesforce": (NOW - 2 * HOUR,)} == {source: log.loads(source) for source in log.sources}


def test_sources_are_found_by_the_names_the_rule_book_gives() -> None:
    """A source would have to be called in the rule book as it is in dbt, or be taken for another."""
    found = artifact(*(result(f"source.shop.{table}", NOW - HOUR, NOW) for table in ("crm.deals", "crm.notes", "erp.invoices", "ads.costs")))
    log = LoadLog.of(found, dbt={"salesforce": ["crm"], "billing": ["erp.invoices", "erp.payments"], "ads": ["ads"], "web": ["web"]})
    assert ["source.shop.crm.deals", "source.shop.crm.notes"] == list(log.parts("salesforce"))
    assert ("erp.payments", None) == log.oldest("billing", NOW)  # named, and dbt says nothing of it
    assert ("ads", "billing", "salesforce") == log.sources
    assert [("unknown-table", "`erp.payments` of `billing`")] == [(issue.code, issue.message[23:50]) for issue in log.issues]
    some = LoadLog.of(found, dbt={"salesforce": ["crm.deals"]})
    assert "tables of dbt that are of no source: `source.shop.ads.costs`, `source.shop.crm.notes`, `source.shop.erp.invoices`" == some.issues[0].message


def test_looks_that_failed_and_tables_without_a_row_are_no_loads() -> None:
    """A table that dbt could not read, or that is empty, would count as loaded, or stop everything."""
    failed = {"unique_id": "source.shop.crm.deals", "error": "Database Error\n  relation does not exist", "status": "runtime error"}
    empty = result("source.shop.crm.notes", NOW, NOW, max_loaded_at="0001-01-01T00:00:00Z")
    log = LoadLog.of(artifact(failed, empty))
    assert ["dbt could not look at `source.shop.crm.deals`: Database Error"] == [issue.message for issue in log.issues]
    assert {"source.shop.crm.deals": (), "source.shop.crm.notes": ()} == dict(log.parts("crm"))


def test_a_table_that_could_not_be_looked_at_is_as_old_as_it_was_last_seen() -> None:
    """The one table that is broken would be no part of its source, which would count as fresh by the others."""
    failed = {"unique_id": "source.shop.crm.deals", "error": "boom", "status": "runtime error"}
    now = artifact(failed, result("source.shop.crm.notes", NOW - HOUR, NOW))
    assert None is LoadLog.of(now, dbt={"salesforce": ["crm"]}).age("salesforce", NOW)
    before = artifact(result("source.shop.crm.deals", NOW - 30 * HOUR, NOW - 29 * HOUR))
    log = LoadLog.of(now, dbt={"salesforce": ["crm"]}) | LoadLog.of(before, dbt={"salesforce": ["crm"]})
    assert 30 * HOUR == log.age("salesforce", NOW)


def test_tables_given_as_one_text_and_artifacts_without_their_metadata_are_refused() -> None:
    """Each letter would be a table that was never loaded; and what dbt wrote would be read as a source called `results`."""
    found = artifact(result("source.shop.crm.deals", NOW, NOW))
    with pytest.raises(DataError, match=r"one text, not a list \(write `dbt=\{'crm': \['salesforce'\]\}`\)"):
        LoadLog.of(found, dbt={"crm": "salesforce"})
    with pytest.raises(DataError, match="an artifact of dbt without its `metadata`"):
        LoadLog.of({"results": found["results"]})


def test_a_load_after_the_look_is_ignored_and_reported() -> None:
    """A `loaded_at` column in the wrong zone would keep a dead source fresh for hours."""
    log = LoadLog.of(artifact(result("source.shop.crm.deals", NOW + 4 * HOUR, NOW)))
    assert (("future-load",), ()) == (tuple(issue.code for issue in log.issues), log.loads("crm"))


def test_instants_without_a_zone_are_in_utc_as_dbt_says() -> None:
    """An older dbt's times would be read by the clock of the rule book."""
    log = LoadLog.of(artifact(result("source.shop.crm.deals", NOW, NOW, max_loaded_at="2026-10-06T06:00:00", snapshotted_at="2026-10-06T07:00:00")), zone="ET")
    assert (NOW - HOUR,) == log.loads("crm")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "not a `sources.json` or `freshness.json` of dbt"),
        ('{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}, "results": []}', "not a `sources.json`"),
        ('{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}}', "not a `sources.json`"),
        ('{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": [{}]}', "result 1 has no `unique_id`"),
        (json.dumps(artifact({"unique_id": "source.a.b.c", "max_loaded_at": "noon"})), "`max_loaded_at` of `source.a.b.c` is `noon`, not an instant"),
    ],
)
def test_what_is_no_artifact_is_said_with_its_path(tmp_path: Path, text: str, words: str) -> None:
    """A wrong file would be an empty log, and every source never loaded."""
    path = tmp_path / "sources.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        LoadLog.of(path)
    assert str(path) in str(caught.value)


def test_a_folder_without_an_artifact_is_said(tmp_path: Path) -> None:
    """A mistyped archive would turn everything red without a word."""
    with pytest.raises(DataError, match="holds no `sources"):
        LoadLog.of(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        LoadLog.of(tmp_path / "nowhere.json")


def test_a_run_takes_the_folder_and_the_rule_books_names(tmp_path: Path) -> None:
    """The log would have to be made by hand before a run, and tables matched by the caller."""
    files = changed("  crm: {label: CRM, owner: finance}", "  crm: {label: CRM, owner: finance, dbt: [crm.deals]}")
    engine = dos.Engine.load(write(tmp_path / "rules", files))
    found = engine.run(metrics={"sales": mart(5), "deal_size": mart(110)}, loads=archive(tmp_path / "archive"), at=NOW)
    assert found.freshness is not None
    assert [("crm", True)] == [(status.source, status.green) for status in found.freshness.statuses]
    assert "tables of dbt that are of no source: `source.shop.ads.costs`" in str(found.freshness)
    assert found.records[0].outcome == "hold"


def mart(value: float) -> Any:
    """One value of one channel for September."""
    pl = pytest.importorskip("polars")
    return pl.DataFrame({"channel": ["Ads"], "month": ["2026-09"], "value": [value]})


def test_a_run_refuses_sources_of_no_rule_book(engine: dos.Engine) -> None:
    """A mistyped source would be watched, and the real one never loaded."""
    with pytest.raises(dos.DecisionOSError, match="`salesforc`, which is no source"):
        engine.run(metrics=pricing_frames(), loads={"salesforc": AT}, at=AT)
