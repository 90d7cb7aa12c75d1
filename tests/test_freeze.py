"""A spent freshness budget freezes risky acts; what it does not freeze, who may override, and how both stand on the record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

import decision_os as dos
from decision_os.errors import Severity
from decision_os.freshness import FreshnessReport
from decision_os.record import DecisionRecord, Override
from tests.marts import AT
from tests.small_book import FILES, changed, findings, write

DAY = dt.timedelta(days=1)
MART = pl.DataFrame({"channel": ["Ads"], "month": ["2026-09"], "sales": [220.0], "deal_size": [110.0]})
BROKEN = {"crm": [AT - dt.timedelta(hours=2) - night * DAY for night in range(40) if night != 5]}
KEPT = {"crm": [AT - dt.timedelta(hours=2) - night * DAY for night in range(40)]}
ANN = Override(role="Finance", person="Ann", reason="checked the export by hand", expires=AT + DAY)


def book(folder: Path, *, risk: str = "high", pre_checks: bool = False, freeze: str = "{overrides: [finance]}", own: str = "") -> dos.Engine:
    """The small rule book, with a risk and what is frozen."""
    files = changed("risk: {level: low, note: small}", f"risk: {{level: {risk}, note: small}}{own}")
    if not pre_checks:
        files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace("pre_checks:\n  slo: {when: slo_green}\n", "")
    files["book.yaml"] = files["book.yaml"].replace("currency: USD}", f"currency: USD, freeze: {freeze}}}")
    return dos.Engine.load(write(folder, files))


def decided(engine: dos.Engine, loads: Any = BROKEN, **more: Any) -> DecisionRecord:
    """The one decision of a run on the mart."""
    return engine.run(**{"metrics": MART, "loads": loads, "at": AT, **more}).records[0]


def test_a_risky_act_waits_while_the_budget_is_spent(tmp_path: Path) -> None:
    """A price would be raised on numbers that nobody keeps fresh; or the record would not say which promise is broken."""
    engine = book(tmp_path)
    frozen, free = decided(engine), decided(engine, KEPT)
    assert (dos.Outcome.BLOCKED, ("freeze:metric_age",), dos.Status.RECORDED) == (frozen.outcome, frozen.blocked_by, frozen.status)
    assert (None, (), ()) == (frozen.action, frozen.actions, frozen.effects)
    assert "the freshness budget of `metric_age` is spent" in frozen.notes[0]
    assert "freshness of crm: loaded 2h ago; P(MetricAge<24h)≥0.98 was kept 96.7% of the last 30d" == frozen.notes[1]
    assert (dos.Outcome.ACT, ()) == (free.outcome, free.notes)
    assert frozen.id != free.id  # when the budget is back the same inputs are a new proposal, not the one that was frozen
    assert [False] == [branch.taken for branch in frozen.evidence.branches]
    assert dos.DecisionRecord.from_json(frozen.to_json()) == frozen


@pytest.mark.parametrize(
    ("risk", "freeze", "own", "outcome"),
    [
        ("low", "{}", "", "act"),
        ("medium", "{}", "", "blocked"),
        ("high", "{risk: [medium]}", "", "act"),
        ("low", "{risk: [low, medium, high]}", "", "blocked"),
        ("high", "{risk: []}", "", "act"),
        ("high", "{}", "\nfreeze: never", "act"),
        ("low", "{}", "\nfreeze: when_spent", "blocked"),
    ],
)
def test_what_freezes_is_said_in_the_rule_book(tmp_path: Path, risk: str, freeze: str, own: str, outcome: str) -> None:
    """Small decisions would stop with the large ones, or nobody could say which."""
    assert outcome == decided(book(tmp_path, risk=risk, freeze=freeze, own=own)).outcome


def test_a_decision_to_hold_is_not_frozen(tmp_path: Path) -> None:
    """Doing nothing would be called blocked."""
    held = decided(book(tmp_path), metrics=MART.with_columns(deal_size=pl.lit(90.0)))
    assert (dos.Outcome.HOLD, (), ()) == (held.outcome, held.notes, held.overrides)


def test_a_named_role_lets_it_through_and_the_record_says_who_and_why(tmp_path: Path) -> None:
    """An emergency would be decided outside the system, without a trace."""
    engine = book(tmp_path)
    record = decided(engine, overrides=[attrs.evolve(ANN, role="finance")])
    assert (dos.Outcome.ACT, (ANN,)) == (record.outcome, record.overrides)
    assert "`metric_age` overridden by Ann (Finance) until 2026-10-07 14:00 UTC: checked the export by hand" == record.notes[-1]
    assert "Override: Ann (Finance), until 2026-10-07 14:00 UTC: checked the export by hand" in record.explain()
    assert dos.DecisionRecord.from_json(record.to_json()) == record
    usual = decided(engine, KEPT, overrides=[ANN])
    assert ((), ()) == (usual.overrides, usual.notes)  # nothing was broken: nothing was overridden
    assert record.id != usual.id
    assert record.effects[0].key.startswith(record.id)


def test_an_override_lifts_the_pre_check_on_the_same_promises(tmp_path: Path) -> None:
    """A role named to override could not, because a pre-check asks for the very promise."""
    engine = book(tmp_path, pre_checks=True)
    blocked, through = decided(engine), decided(engine, overrides=[ANN])
    assert (("slo",), (dos.Outcome.ACT, (ANN,))) == (blocked.blocked_by, (through.outcome, through.overrides))


@pytest.mark.parametrize("expires", [AT, AT - DAY])
def test_an_override_that_has_ended_is_passed_over_and_said(tmp_path: Path, expires: dt.datetime) -> None:
    """A job with last week's override in its configuration would go on deciding, or stop with an error."""
    record = decided(book(tmp_path), overrides=[attrs.evolve(ANN, expires=expires)])
    assert (dos.Outcome.BLOCKED, ()) == (record.outcome, record.overrides)
    assert f"the override by Ann (Finance) ended {expires:%Y-%m-%d %H:%M} UTC: not used" in record.notes


def test_an_override_for_another_promise_does_not_count(tmp_path: Path) -> None:
    """Leave for one thing would be leave for all."""
    files = changed("  metric_age:", '  other: {objective: "P(OtherAge<24h)≥0.98", covers: [crm]}\n  metric_age:')
    files["playbooks/budget.yaml"] = (
        files["playbooks/budget.yaml"]
        .replace("level: low", "level: high")
        .replace("slos: [metric_age]", "slos: [metric_age, other]")
        .replace("slo: {when: slo_green}", "few: {when: sales > floor}")
    )
    files["book.yaml"] = files["book.yaml"].replace("currency: USD}", "currency: USD, freeze: {overrides: [finance]}}")
    engine = dos.Engine.load(write(tmp_path, files))
    assert ("freeze:metric_age", "freeze:other") == decided(engine).blocked_by
    assert ("freeze:metric_age",) == decided(engine, overrides=[attrs.evolve(ANN, slos=("other",))]).blocked_by
    assert dos.Outcome.ACT == decided(engine, overrides=[attrs.evolve(ANN, slos=("other",)), attrs.evolve(ANN, slos=("metric_age",))]).outcome


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"role": "Sales Ops"}, dos.InputError, "`Sales Ops` may not override a spent freshness budget (the rule book names Finance)"),
        ({"role": "Intern"}, dos.NotFoundError, "no role `Intern`"),
        ({"slos": ("metric_ag",)}, dos.NotFoundError, "did you mean `metric_age`"),
    ],
)
def test_an_override_by_somebody_else_is_refused(tmp_path: Path, change: dict[str, Any], error: type[Exception], words: str) -> None:
    """Anybody could let anything through; refused even where nothing is broken, so that it is found before it is needed."""
    engine = book(tmp_path)
    for loads in (BROKEN, KEPT):
        with pytest.raises(error) as refused:
            decided(engine, loads, overrides=[attrs.evolve(ANN, **change)])
        assert words in str(refused.value)


def test_a_rule_book_that_names_nobody_lets_nobody_override(tmp_path: Path) -> None:
    """Leaving a list out would give the right to everybody."""
    with pytest.raises(dos.InputError, match="names nobody under `freeze`"):
        decided(book(tmp_path, freeze="{}"), overrides=[ANN])


@pytest.mark.parametrize("change", [{"person": " "}, {"person": "\u200b\ufeff"}, {"reason": ""}, {"expires": dt.datetime(2026, 10, 7)}])
def test_an_override_without_a_person_a_reason_or_an_instant_is_none(change: dict[str, Any]) -> None:
    """The record would say that somebody let it through, and not who, why, or for how long."""
    with pytest.raises(dos.InputError):
        attrs.evolve(ANN, **change)


def test_one_decision_is_governed_like_a_run(tmp_path: Path) -> None:
    """What a run freezes, a call for one subject would let through."""
    engine = book(tmp_path, pre_checks=True)
    values = {"sales": 220.0, "deal_size": 110.0}

    def decide(loads: Any, **more: Any) -> DecisionRecord:
        return engine.decide("budget", values, at=AT, subject="Ads", freshness=engine.freshness(loads, at=AT), **more)

    assert [dos.Outcome.ACT, dos.Outcome.BLOCKED] == [decide(loads).outcome for loads in (KEPT, BROKEN)]
    assert (dos.Outcome.ACT, (ANN,)) == ((through := decide(BROKEN, overrides=[ANN])).outcome, through.overrides)
    told = engine.decide("budget", {**values, "slo_green": False}, at=AT, subject="Ads", overrides=[ANN])
    assert (dos.Outcome.ACT, (ANN,)) == (told.outcome, told.overrides)
    some = engine.decide("budget", {**values, "slo_green": False}, at=AT, subject="Ads", overrides=[attrs.evolve(ANN, expires=AT)])
    assert (dos.Outcome.BLOCKED, ()) == (some.outcome, some.overrides)
    fine = engine.decide("budget", {**values, "slo_green": True}, at=AT, subject="Ads", overrides=[ANN])
    assert (dos.Outcome.ACT, ()) == (fine.outcome, fine.overrides)


def test_what_a_freeze_cannot_be_is_answered_at_its_place(tmp_path: Path) -> None:
    """A mistyped level would freeze nothing, a mistyped role let nobody through, and nobody would know before the day."""
    files = changed("currency: USD}", "currency: USD, freeze: {risk: [hihg], overrides: [Fynance], who: me}}")
    files["playbooks/budget.yaml"] = FILES["playbooks/budget.yaml"].replace("cadence: weekly", "cadence: weekly\nfreeze: sometimes")
    found = findings(write(tmp_path, files), Severity.ERROR)
    assert ["unknown-key", "unknown-role", "unknown-word", "unknown-word"] == sorted(line.split()[1] for line in found)
    assert any("did you mean `high`" in line for line in found)


@pytest.mark.parametrize("pre_checks", [True, False], ids=["with a pre-check", "without"])
@pytest.mark.parametrize("loads", [KEPT, BROKEN], ids=["kept", "broken"])
@pytest.mark.parametrize("overrides", [(), (ANN,), (attrs.evolve(ANN, expires=AT),)], ids=["nobody", "ann", "ann too late"])
def test_many_are_governed_like_one(tmp_path: Path, *, pre_checks: bool, loads: Any, overrides: tuple[Override, ...]) -> None:
    """What is frozen for one would act in a batch, or in a frame."""
    engine = book(tmp_path, pre_checks=pre_checks)
    report = engine.freshness(loads, at=AT)
    rows: list[dict[str, Any]] = [{"sales": 220.0, "deal_size": 110.0}, {"sales": 1.0, "deal_size": 110.0}, {"sales": None, "deal_size": 110.0}]
    one = [engine.decide("budget", row, at=AT, subject="Ads", freshness=report, overrides=overrides) for row in rows]
    assert one == engine.decide_many("budget", rows, at=AT, subject="Ads", freshness=report, overrides=iter(overrides))
    assert one == [*engine.frame_records("budget", pl.DataFrame(rows).with_columns(channel=pl.lit("Ads")), at=AT, freshness=report, overrides=iter(overrides))]
    for frame in (pl.DataFrame(rows), pl.DataFrame(rows).to_pandas(), pl.DataFrame(rows).lazy(), pl.DataFrame(rows).with_columns(slo_green=pl.lit(value=True))):
        found = engine.decide_frame("budget", frame, freshness=report, overrides=overrides)
        found = pl.from_pandas(found) if not isinstance(found, pl.DataFrame | pl.LazyFrame) else found.lazy().collect()
        told = [(record.outcome.value, record.action, record.branch) for record in one]
        assert told == list(zip(*(found[name].to_list() for name in ("outcome", "action", "branch")), strict=True))


def test_many_whose_callers_vouch_are_governed_like_one(tmp_path: Path) -> None:
    """An override would count for one and not for many."""
    engine = book(tmp_path, pre_checks=True)
    rows = [{"sales": 220.0, "deal_size": 110.0, "slo_green": green} for green in (False, True, None)]
    one = [engine.decide("budget", row, at=AT, subject="Ads", overrides=[ANN]) for row in rows]
    assert one == engine.decide_many("budget", rows, at=AT, subject="Ads", overrides=[ANN])
    assert [] == engine.decide_many("budget", [], at=AT, overrides=[ANN])
    with pytest.raises(dos.InputError, match="row 2: `budget` is decided on a mapping"):
        engine.decide_many("budget", [rows[0], 3], at=AT, overrides=[ANN])  # type: ignore[list-item]  # that is the point
    with pytest.raises(dos.InputError, match="`overrides` of a frame need `freshness`"):
        engine.decide_frame("budget", pl.DataFrame(rows[:1]), overrides=[ANN])


def test_a_report_of_another_instant_is_told(tmp_path: Path) -> None:
    """A report of two months ago would count as today's, and one of tomorrow as known."""
    engine = book(tmp_path)
    values, report = {"sales": 220.0, "deal_size": 110.0}, engine.freshness(KEPT, at=AT)
    late = engine.decide("budget", values, at=AT + 60 * DAY, subject="Ads", freshness=report)
    assert "freshness as it stood 60d before the decision" in late.notes
    with pytest.raises(dos.InputError, match="after the decision"):
        engine.decide("budget", values, at=AT - DAY, subject="Ads", freshness=report)


# --- what nobody knows ---


def only(report: FreshnessReport, *sources: str) -> FreshnessReport:
    """The report without what it says of other sources."""
    return attrs.evolve(report, statuses=tuple(status for status in report.statuses if status.source in sources))


VALUES = {"sales": 220.0, "deal_size": 110.0}


@pytest.mark.parametrize("pre_checks", [True, False], ids=["with a pre-check", "without"])
def test_a_report_that_says_nothing_of_a_source_is_no_promise_kept(tmp_path: Path, pre_checks: bool) -> None:
    """A report of other sources, or an empty one, would let a risky act through on data of which nobody knows how old they are."""
    engine = book(tmp_path, pre_checks=pre_checks)
    whole = engine.freshness(KEPT, at=AT)
    other = changed("P(MetricAge<24h)≥0.98", "P(MetricAge<90d)≥0.5")  # the promise of another version of the rule book, by the same name
    laxer = dos.Engine.load(write(tmp_path / "laxer", other)).freshness(KEPT, at=AT)
    for silent in (FreshnessReport(AT), only(whole, "elsewhere"), laxer):
        record = engine.decide("budget", VALUES, at=AT, freshness=silent)
        assert dos.Outcome.BLOCKED == record.outcome
        assert "freshness of crm: the report has no status of `metric_age`" in " ".join(record.notes)
        assert [dos.Outcome.BLOCKED] == [each.outcome for each in engine.decide_many("budget", [VALUES], at=AT, freshness=silent)]
        assert ["blocked"] == engine.decide_frame("budget", pl.DataFrame([VALUES]), freshness=silent)["outcome"].to_list()
        if pre_checks:
            assert (("slo",), ("slo_green",)) == (record.blocked_by, record.unknowns)
            assert isinstance(next(item.value for item in record.inputs if item.name == "slo_green"), dos.Unknown)
        else:
            assert ("freeze:metric_age",) == record.blocked_by
            assert "whether the freshness budget of `metric_age` is spent is not known" in record.notes[0]
        let_through = engine.decide("budget", VALUES, at=AT, freshness=silent, overrides=[ANN])
        assert (dos.Outcome.ACT, (ANN,)) == (let_through.outcome, let_through.overrides)
    assert dos.Outcome.ACT == engine.decide("budget", VALUES, at=AT, freshness=whole).outcome


def test_an_act_of_which_nobody_said_how_fresh_it_is_says_so(tmp_path: Path) -> None:
    """A risky act without a pre-check on freshness would look like one whose freshness had been asked for."""
    engine = book(tmp_path)
    unseen = [decided(engine, None), engine.decide("budget", VALUES, at=AT), *engine.decide_many("budget", [VALUES], at=AT)]
    for record in unseen:
        assert (dos.Outcome.ACT, 1) == (record.outcome, len(record.notes))
        assert "whether a freshness budget is spent is not known" in record.notes[0]
    vouched_for = [decided(engine, None, given={"slo_green": True}), engine.decide("budget", {**VALUES, "slo_green": True}, at=AT), decided(engine, KEPT)]
    assert [()] * 3 == [record.notes for record in vouched_for]
    assert () == book(tmp_path / "low", risk="low").decide("budget", VALUES, at=AT).notes


@pytest.mark.parametrize("green", [False, np.bool_(False), dos.Reading(value=False), dos.Reading(value=False, loaded_at=AT)], ids=repr)
def test_an_override_counts_however_the_broken_promise_is_said(tmp_path: Path, green: Any) -> None:
    """A False out of a frame, or with the instant it was seen, would not be overridden."""
    record = book(tmp_path, pre_checks=True).decide("budget", {**VALUES, "slo_green": green}, at=AT, overrides=[ANN])
    assert (dos.Outcome.ACT, (ANN,)) == (record.outcome, record.overrides)


def test_what_is_no_report_no_list_and_no_records_is_told(tmp_path: Path) -> None:
    """A slip would end in an error of Python's own, from somewhere inside."""
    engine = book(tmp_path)
    wrong: Any = True
    with pytest.raises(dos.InputError, match="`freshness` is a report, not a bool"):
        engine.decide("budget", {}, at=AT, freshness=wrong)
    with pytest.raises(dos.InputError, match="`overrides` is a list, not one override"):
        engine.decide("budget", {}, at=AT, overrides=ANN)  # type: ignore[arg-type]  # that is the point
    some: Any
    for some in (5, None, [{}]):
        with pytest.raises(dos.InputError, match="`open_decisions` are decision records, not a"):
            engine.run(open_decisions=some, at=AT)
        with pytest.raises(dos.InputError, match="`records` are decision records, not a"):
            engine.agenda(some, at=AT)
