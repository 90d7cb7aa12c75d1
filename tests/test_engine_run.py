"""`Engine.run`: frames in, records out, and everything a run says about itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import decision_os as dos
from decision_os.engine.result import RunResult
from decision_os.record import DecisionRecord
from decision_os.samples import SAMPLE_AT
from tests.conftest import Sample
from tests.marts import AT, CHANNEL, LOADS, PRICING, cell, channel_frames, pricing_frames, the_record
from tests.small_book import FILES, write

ENGINES = ("polars", "polars lazy", "pandas", "pandas Arrow", "pyarrow")


def native(frame: pl.DataFrame, kind: str) -> Any:
    """The same frame in another engine."""
    match kind:
        case "polars":
            return frame
        case "polars lazy":
            return frame.lazy()
        case "pandas":
            return pd.DataFrame(frame.to_dicts())
        case "pandas Arrow":
            return frame.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        case "pyarrow":
            return frame.to_arrow()
    raise AssertionError(kind)


def given_again(record: DecisionRecord, *, readings: bool) -> dict[str, Any]:
    """What a record says it read, as a caller would hand it in."""
    given: dict[str, Any] = {}
    for item in record.inputs:
        reading = dos.Reading(value=item.value, period=item.period, loaded_at=item.loaded_at, valid_until=item.valid_until, n=item.n)
        value = reading if readings else item.value
        if item.key:
            given.setdefault(item.name, {})[item.key] = value
        else:
            given[item.name] = value
    return given


def decided_again(engine: dos.Engine, record: DecisionRecord, *, readings: bool) -> DecisionRecord:
    """The same decision, taken alone on what the record says it read."""
    given = given_again(record, readings=readings)
    return engine.decide(record.node, given, at=record.timestamp, subject=record.subject, period=record.period, choose=record.chosen)


# --- the sample exports ----------------------------------------------------------------------------------------------------------------


def test_the_sample_exports_come_to_every_outcome(sample: Sample) -> None:
    """A newcomer would not see one of the four."""
    assert set(dos.Outcome) == {record.outcome for record in sample.result.records}
    assert {"pricing.change", "channel.invest", "icp.update", "routing.policy"} == {record.node for record in sample.result.records}
    assert () == sample.result.skipped


def test_every_row_of_the_sample_exports_is_conserved(sample: Sample) -> None:
    """A row would be lost between the export and the quarantine, or counted twice."""
    for name, frame in sample.given.sources.items():
        checked = sample.result.checked[name]
        assert len(frame) == checked.rows_in == checked.rows_passed + checked.rows_quarantined, name
        assert (checked.rows_quarantined > 0) == (name in sample.result.quarantine)
    quarantine = sample.result.quarantine["opportunities"]
    assert isinstance(quarantine, pl.DataFrame)
    assert len(quarantine) == sample.result.checked["opportunities"].rows_quarantined
    assert all(quarantine["failed_tests"])


@pytest.mark.parametrize("readings", [False, True], ids=["mapping", "readings"])
def test_a_record_of_a_run_is_the_record_of_its_inputs_alone(engine: dos.Engine, sample: Sample, readings: bool) -> None:
    """What a run proposes could not be replayed: the same inputs would be another proposal with another hash."""
    for record in sample.result.records:
        again = decided_again(engine, record, readings=readings)
        told = (record.node, record.subject)
        assert (*told, record.inputs_hash, record.id) == (*told, again.inputs_hash, again.id)
        assert (record.outcome, record.action, record.unknowns) == (again.outcome, again.action, again.unknowns)


def test_records_of_a_run_survive_json_and_the_ledger(sample: Sample, tmp_path: Path) -> None:
    """A run could not be read back a year later."""
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    ledger.extend(sample.result.records)
    assert list(sample.result.records) == list(ledger.records())
    assert ledger.verify().ok
    for record in sample.result.records:
        again = dos.DecisionRecord.from_json(record.to_json())
        assert (record, record.explain()) == (again, again.explain())


def test_the_effects_of_a_run_are_each_there_once(sample: Sample) -> None:
    """Somebody would be paged twice for one thing, or an approver not be asked."""
    keys = [effect.key for effect in sample.result.effects]
    assert len(set(keys)) == len(keys)
    asked = {(effect.reason, effect.target) for effect in sample.result.effects}
    for record in sample.result.records:
        if record.outcome is dos.Outcome.ACT:
            assert {(f"approve {record.node} for {record.subject}", role) for role in record.approvers} <= asked


# --- metrics alone -------------------------------------------------------------------------------------------------------------------------

CHANNELS: Mapping[str, Mapping[str, Any]] = {
    "Ads": CHANNEL,
    "Content": {**CHANNEL, "cac_per_sqo": 120.0},
    "Partner": {**CHANNEL, "cac_per_sqo": 105.0},
    "Webinar": {**CHANNEL, "win_rate": None},
}


def run_on_metrics(engine: dos.Engine, kind: str, rows: Mapping[str, Mapping[str, Any]] = CHANNELS, **more: Any) -> RunResult:
    frames = {name: native(frame, kind) for name, frame in channel_frames(rows).items()}
    return engine.run(**{"metrics": frames, "loads": LOADS, "at": AT, "nodes": ["channel.invest"], **more})


@pytest.mark.parametrize("kind", ENGINES)
def test_metrics_alone_are_enough(engine: dos.Engine, kind: str) -> None:
    """Most users start with a mart: they would need raw exports to decide anything."""
    result = run_on_metrics(engine, kind)
    found = {record.subject: (record.outcome.value, record.action, record.unknowns) for record in result.records}
    assert {
        "Ads": ("act", "+20% budget", ()),
        "Content": ("act", "pause channel", ()),
        "Partner": ("hold", None, ()),
        "Webinar": ("undetermined", None, ("win_rate",)),
    } == found


@pytest.mark.parametrize("kind", ENGINES)
def test_the_same_inputs_are_the_same_proposal_wherever_they_come_from(engine: dos.Engine, kind: str) -> None:
    """One proposal would be several: by the engine its numbers came from, or because it was decided alone, on numbers or on readings."""
    rows = {"Ads": {**CHANNEL, "win_rate": 1 / 3, "cac_per_sqo": 0.1 + 0.2}}
    record = run_on_metrics(engine, kind, rows).records[0]
    for given in (rows["Ads"], {name: dos.Reading(value=value) for name, value in rows["Ads"].items()}):
        alone = engine.decide("channel.invest", given, at=AT, subject="Ads", period="2026-09")
        assert (alone.inputs_hash, alone.id) == (record.inputs_hash, record.id)


@pytest.mark.parametrize("kind", ENGINES)
def test_one_long_frame_of_metrics_will_do(engine: dos.Engine, kind: str) -> None:
    """A mart in long form would have to be split first."""
    long = pl.concat([frame.with_columns(metric=pl.lit(name)) for name, frame in channel_frames(CHANNELS).items()], how="diagonal_relaxed")
    apart = run_on_metrics(engine, "polars")
    assert [record.id for record in apart.records] == [record.id for record in run_on_metrics(engine, kind, metrics=native(long, kind)).records]


def test_a_run_is_the_same_again(engine: dos.Engine) -> None:
    """A job that runs twice would propose twice."""
    first, second = (run_on_metrics(engine, kind, at=AT + dt.timedelta(minutes=minutes)) for kind, minutes in (("polars", 0), ("pandas", 10)))
    assert [record.id for record in first.records] == [record.id for record in second.records]
    assert [effect.key for effect in first.effects] == [effect.key for effect in second.effects]


# --- rows of exports -------------------------------------------------------------------------------------------------------------------------

DEALS = [
    ("1", "Ads", "$120.10", "2026-09-02"),
    ("2", "Ads", "$99.90", "9/30/2026"),
    ("3", "Web", "1,200.00", "2026-09-30"),
    ("4", "Web", "-5", "2026-09-30"),
    ("5", "Web", "n/a", "2026-09-30"),
    ("6", None, "7", "2026-10-01"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dos.Engine:
    files = {**FILES, "metrics.yaml": FILES["metrics.yaml"].replace("aggregate: sum, of: amount}", "aggregate: sum, of: amount, rows: all}")}
    files["metrics.yaml"] = files["metrics.yaml"].replace("aggregate: count}", "aggregate: count, rows: all}")
    return dos.Engine.load(write(tmp_path_factory.mktemp("small"), files))


@pytest.mark.parametrize("kind", ENGINES)
def test_rows_are_read_alike_on_every_engine(small: dos.Engine, kind: str) -> None:
    """A sum, a quarantined row or a decision would depend on the engine the export was read with."""
    frame = native(pl.DataFrame(DEALS, schema=dict.fromkeys(("id", "channel", "amount", "closed"), pl.String), orient="row"), kind)
    result = small.run(sources={"deals": frame}, loads={"crm": LOADS["finance"]}, at=AT)
    assert (6, 4, 2) == attrs.astuple(result.checked["deals"], recurse=False)[4:7]
    assert {"Ads": 220.0, "Web": 1195.0} == {row.key["channel"]: row.value for row in result.metrics["sales"] if row.period == "2026-09"}
    reference = small.run(
        sources={"deals": pl.DataFrame(DEALS, schema=["id", "channel", "amount", "closed"], orient="row")}, loads={"crm": LOADS["finance"]}, at=AT
    )
    assert [record.id for record in reference.records] == [record.id for record in result.records]
    assert {"Ads": "act", "Web": "act"} == {record.subject: record.outcome.value for record in result.records}
    ads = result.record("budget", "Ads")
    alone = small.decide("budget", {"deal_size": 110.0, "sales": 220, "slo_green": True}, at=AT, subject="Ads")
    assert (alone.id, alone.inputs_hash) == (ads.id, ads.inputs_hash)


# --- what withholds a value -----------------------------------------------------------------------------------------------------------------------


def test_a_cost_nobody_believes_blocks_what_rests_on_it_and_says_by_which_path(engine: dos.Engine) -> None:
    """CAC above $1M a customer would be published, and a price decided on it."""
    margin = pl.DataFrame({"account_id": ["a"], "month": ["2026-08"], "value": [500.0]})
    frames = {
        **pricing_frames(),
        "cac_by_channel_daily": pl.DataFrame([cell(1_000_000.01, period="2026-08-31", n=None, channel="Ads")]),
        "cm_by_account_monthly": margin,
    }
    del frames["payback"]
    result = engine.run(metrics=frames, loads=LOADS, incidents=[], at=AT)
    assert [("2026-08-31", None)] == [(row.period, row.value) for row in result.metrics["cac_by_channel_daily"]]
    assert ("notify", "FP&A") in {(effect.kind, effect.target) for effect in result.effects}
    assert any("cac_range" in effect.reason for effect in result.effects)


def test_without_a_load_log_the_health_of_the_slos_is_unknown(engine: dos.Engine) -> None:
    """No news would count as good news."""
    result = run_on_metrics(engine, "polars", loads=None)
    assert {dos.Outcome.BLOCKED} == {record.outcome for record in result.records}
    assert {("slo_health",)} == {record.blocked_by for record in result.records}
    assert "no load log was given: pass `loads=`" in " ".join(result.records[0].explain().split())
    assert result.freshness is None


def test_a_source_that_stopped_loading_makes_its_metrics_stale(engine: dos.Engine) -> None:
    """A number of last week would decide today."""
    late = {source: moments if source != "readings" else [AT - dt.timedelta(hours=30)] for source, moments in LOADS.items()}
    record = engine.run(metrics=pricing_frames(), loads=late, incidents=[], at=AT, nodes=["pricing.change"]).record("pricing.change")
    values = {item.name: item.value for item in record.inputs}
    assert isinstance(values["elasticity"], dos.Unknown)
    assert ("stale",) == values["elasticity"].reasons
    assert dos.Outcome.BLOCKED == record.outcome  # and the SLO it breaks is red


@pytest.mark.parametrize(
    ("incidents", "outcome"),
    [
        ([], "act"),
        ([{"severity": "SEV3", "opened_at": "2026-10-06T08:00:00+00:00"}], "act"),
        ([{"severity": "SEV2", "opened_at": "2026-10-06T08:00:00+00:00"}], "blocked"),
        ([{"severity": 1, "opened_at": AT - dt.timedelta(hours=1), "resolved_at": None}], "blocked"),
        ([{"severity": "sev-2", "opened_at": "2026-10-05T08:00:00+00:00", "resolved_at": "2026-10-06T13:59:59+00:00"}], "act"),
        ([{"severity": "SEV1", "opened_at": AT + dt.timedelta(hours=1)}], "act"),
        (None, "blocked"),
    ],
    ids=["none", "SEV3", "SEV2", "open SEV1", "resolved", "yet to come", "not known"],
)
def test_an_open_incident_of_severity_two_or_worse_blocks(engine: dos.Engine, incidents: Any, outcome: str) -> None:
    """A price would be changed in the middle of an outage."""
    result = engine.run(metrics=pricing_frames(), loads=LOADS, incidents=incidents, at=AT, nodes=["pricing.change"])
    assert outcome == result.record("pricing.change").outcome


@pytest.mark.parametrize(
    ("incident", "message"),
    [
        ({"severity": "high"}, "has the severity `high`"),
        ({"severity": "SEV2", "opened_at": "yesterday"}, "`opened_at` of incident 1 is `yesterday`"),
        ({"severity": "SEV2", "opened_at": "2026-10-06T08:00:00"}, "`opened_at` of incident 1 has no zone"),
    ],
)
def test_an_incident_that_cannot_be_read_is_refused(engine: dos.Engine, incident: dict[str, Any], message: str) -> None:
    """An incident nobody can read would count as none."""
    with pytest.raises(dos.DataError) as refused:
        engine.run(metrics=pricing_frames(), loads=LOADS, incidents=[incident], at=AT)
    assert message in str(refused.value)


# --- cooldown, shifts, what was not decided ---------------------------------------------------------------------------------------------------------


def test_a_subject_whose_last_action_is_still_watched_is_in_cooldown(engine: dos.Engine) -> None:
    """A budget would be moved again before anybody can see what moving it did; or the same proposal would block itself."""
    august = engine.decide("channel.invest", CHANNEL, at=AT - dt.timedelta(days=30), subject="Ads")
    held = engine.decide("channel.invest", {**CHANNEL, "cac_per_sqo": 105.0}, at=AT - dt.timedelta(days=30), subject="Content")
    assert (dos.Outcome.ACT, "2026-08") == (august.outcome, august.period)
    result = run_on_metrics(engine, "polars", open_decisions=[august, held])
    ads, content = the_record(result.records, "Ads"), the_record(result.records, "Content")
    assert (dos.Outcome.BLOCKED, ("cooldown",), dos.Status.RECORDED, ()) == (ads.outcome, ads.blocked_by, ads.status, ads.effects)
    assert "the action of 2026-08 (+20% budget) is still being monitored" in " ".join(ads.explain().split())
    assert dos.Outcome.ACT == content.outcome
    same = the_record(run_on_metrics(engine, "polars").records, "Ads")
    assert ads.id != same.id  # once the watch is over the same inputs are a proposal that nobody has seen
    assert dos.Outcome.ACT == the_record(run_on_metrics(engine, "polars", open_decisions=[same]).records, "Ads").outcome


def test_a_blocked_decision_takes_no_action(engine: dos.Engine) -> None:
    """In cooldown the record would still say what it does, and its budget still count in the net shift."""
    august = engine.decide("channel.invest", CHANNEL, at=AT - dt.timedelta(days=30), subject="Ads")
    result = run_on_metrics(engine, "polars", {"Ads": CHANNEL}, open_decisions=[august])
    (ads,) = result.records
    assert (None, (), None) == (ads.action, ads.actions, ads.branch)
    assert () == result.shifts


@pytest.mark.parametrize(("freed", "net", "unfunded"), [(50_000.0, -40_000.0, False), (10_000.0, 0.0, False), (9_999.0, 1.0, True)])
def test_the_net_shift_of_the_budget_is_said(engine: dos.Engine, freed: float, net: float, unfunded: bool) -> None:
    """+20 % of $50,000 is $10,000: it would be spent although no paused channel frees it."""
    rows = {"Ads": CHANNEL, "Content": {**CHANNEL, "cac_per_sqo": 120.0, "channel_spend": freed}}
    (shift,) = run_on_metrics(engine, "polars", rows).shifts
    assert ("channel budget", unfunded) == (shift.lever, shift.unfunded)
    assert net == pytest.approx(shift.net)


def test_a_decision_that_nothing_was_given_for_is_said_to_be_skipped(engine: dos.Engine) -> None:
    """Somebody would take a decision that was not looked at for one that holds."""
    result = engine.run(metrics=channel_frames(CHANNELS), loads=LOADS, at=AT)
    assert {"channel.invest"} == {record.node for record in result.records}
    assert {"icp.update", "pricing.change", "routing.policy"} == {text.partition(":")[0] for text in result.skipped}
    assert "skipped: pricing.change" in str(result)


def test_one_record_is_found_by_node_and_subject(engine: dos.Engine) -> None:
    """One of several records would be picked."""
    result = run_on_metrics(engine, "polars")
    assert "Partner" == result.record("channel.invest", "Partner").subject
    with pytest.raises(LookupError, match=r"4 records of `channel.invest` .subjects: Ads, Content, Partner, Webinar"):
        result.record("channel.invest")
    with pytest.raises(LookupError, match=r"0 records of `channel.invest` for `TV`"):
        result.record("channel.invest", "TV")


def test_a_value_nobody_counted_is_told_once(engine: dos.Engine) -> None:
    """A metric without rows would be said to be missing and too few: two things to do where there is one."""
    frames = channel_frames({"Ads": CHANNEL})
    del frames["win_rate"]
    (record,) = engine.run(metrics=frames, loads=LOADS, at=AT, nodes=["channel.invest"]).records
    assert [("win_rate", "missing")] == [(cause.name, cause.reason) for cause in record.causes]


def test_frames_of_two_engines_go_together(engine: dos.Engine) -> None:
    """A mart in Arrow beside a sheet in pandas would have to be converted first."""
    frames = {name: native(frame, kind) for (name, frame), kind in zip(channel_frames(CHANNELS).items(), (*ENGINES, *ENGINES), strict=False)}
    assert {pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.Table} == {type(frame) for frame in frames.values()}
    mixed = engine.run(metrics=frames, loads=LOADS, at=AT, nodes=["channel.invest"])
    assert [record.id for record in run_on_metrics(engine, "polars").records] == [record.id for record in mixed.records]


def test_pricing_reads_every_segment(engine: dos.Engine) -> None:
    """The price would be decided on the payback of one segment."""
    record = engine.run(metrics=pricing_frames(), loads=LOADS, incidents=[], at=AT, nodes=["pricing.change"]).record("pricing.change")
    assert dict(PRICING["payback"]) == {item.key: item.value for item in record.inputs if item.name == "payback"}
    alone = engine.decide("pricing.change", PRICING, at=AT)
    assert (alone.id, alone.inputs_hash) == (record.id, record.inputs_hash)


def test_a_failed_row_test_notifies_the_owner_by_name(sample: Sample) -> None:
    """A notification to `owner` would reach nobody."""
    targets = {effect.target for effect in sample.result.effects if effect.kind == "notify" and "amount_range" in effect.reason}
    assert {"RevOps"} == targets


def test_rows_whose_place_is_broken_count_against_every_place(engine: dos.Engine, sample: Sample) -> None:
    """Half of the spend would vanish with its unreadable dates, and the rest be decided on as if it were all."""
    frame = sample.given.sources["channel_spend"]
    broken = frame.with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("9/31/2026")).otherwise(pl.col("Day")).alias("Day"))
    given = {**sample.given.sources, "channel_spend": broken}
    result = engine.run(sources=given, loads=sample.given.loads, incidents=sample.given.incidents, at=SAMPLE_AT, nodes=["channel.invest"])
    assert {"undetermined"} == {record.outcome.value for record in result.records if record.subject != "Partner"}
    assert "cac_per_sqo" in the_record(result.records, "Webinar").unknowns
