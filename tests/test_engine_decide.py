"""`Engine.decide`: one decision on what a caller hands in."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import hypothesis
import pytest
from hypothesis import strategies as st

import decision_os as dos
from decision_os.errors import InputError
from decision_os.values import Reading, Reason, Unknown
from tests.marts import AT, CHANNEL, PRICING, ROUTING
from tests.small_book import FILES, write

ICP: Mapping[str, Any] = {
    "sql_quality": 0.21,
    "win_rate": 0.31,
    "win_rate_difference": 0.05,
    "win_rate_lift_sustained": True,
    "win_rate_drop_sustained": False,
    "payback": 11.0,
    "payback_overall": 12.0,
    "churn_rate": 0.01,
    "dq_reason_coverage": 0.97,
    "routing_capacity": 5000,
    "lead_volume": 4000,
}


ENGINE = dos.Engine.load(dos.reference_rules())


def flat(text: str) -> str:
    """A wrapped text on one line."""
    return " ".join(text.split())


LINK = "https://example.com/latency-report"

# --- Kleene outcomes -------------------------------------------------------------------------------------------------------------------

# What a decision comes to when something is unknown: the outcome, the action, and the names that are still needed.
KLEENE: dict[str, tuple[str, Mapping[str, Any], dict[str, Any], str, str | None, tuple[str, ...]]] = {
    "a false operand decides an and": ("channel.invest", CHANNEL, {"win_rate": None, "cac_per_sqo": 105.0}, "hold", None, ()),
    "a true operand leaves an and unknown": ("channel.invest", CHANNEL, {"win_rate": None}, "undetermined", None, ("win_rate",)),
    "a true operand decides an or": ("channel.invest", CHANNEL, {"cac_per_sqo": None, "attribution_validity": 0.9}, "act", "pause channel", ()),
    "an unknown branch before the one that holds matters": (
        "channel.invest", CHANNEL, {"attribution_validity": None}, "undetermined", None, ("attribution_validity",),
    ),
    "an unknown branch after the one that holds does not": (
        "channel.invest", CHANNEL, {"cac_per_sqo": 130.0, "win_rate": None, "win_rate_baseline": None}, "act", "pause channel", (),
    ),
    "every name that matters, and no other": (
        "channel.invest", CHANNEL, {"win_rate": None, "win_rate_baseline": None, "sql_rate": None}, "undetermined", None, ("win_rate", "win_rate_baseline"),
    ),
    "a check that is unknown blocks": ("channel.invest", CHANNEL, {"slo_green": None}, "blocked", None, ("slo_green",)),
    "a check that is false blocks, whatever is unknown below it": ("channel.invest", CHANNEL, {"slo_green": False, "win_rate": None}, "blocked", None, ()),
    "a missing link is a fact, not a gap": ("routing.policy", ROUTING, {"improvement_evidence": None, "shadow_match": 0.9}, "hold", None, ()),
    "either way of promoting will do": ("routing.policy", ROUTING, {"improvement_evidence": LINK, "shadow_match": None}, "act", "promote rule set", ()),
    "neither way known": ("routing.policy", ROUTING, {"shadow_match": None}, "undetermined", None, ("shadow_match",)),
    "a regression decides": ("routing.policy", ROUTING, {"shadow_match": None, "availability": 0.9}, "hold", None, ()),
    "collect: nothing held, one unknown": (
        "icp.update", ICP, {"dq_reason_coverage": None, "win_rate_difference": 0.0}, "undetermined", None, ("dq_reason_coverage",),
    ),
    "collect: one held, one unknown": ("icp.update", ICP, {"dq_reason_coverage": None}, "act", "add segment", ("dq_reason_coverage",)),
    "zero over zero is unknown": ("pricing.change", PRICING, {"cm_per_seat": -3.2, "payback": {"SMB": 0.0}}, "undetermined", None, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", KLEENE)
def test_an_unknown_matters_where_it_could_change_the_outcome(engine: dos.Engine, name: str) -> None:
    """A gap would fire a decision, block one that it cannot touch, or not be named."""
    node, given, changes, outcome, action, unknowns = KLEENE[name]
    record = engine.decide(node, {**given, **changes}, at=AT)
    assert (outcome, action, unknowns) == (record.outcome, record.action, record.unknowns), record.explain()


@pytest.mark.parametrize(
    "gap", [None, float("nan"), float("inf"), Unknown.because(Reason.STALE, "", "three days old"), Reading(value=None), "absent"], ids=repr
)
def test_every_gap_is_unknown(engine: dos.Engine, gap: Any) -> None:
    """NaN would compare false and hold, or infinity compare true and act."""
    given = {**CHANNEL, "win_rate": gap}
    if gap == "absent":
        del given["win_rate"]
    record = engine.decide("channel.invest", given, at=AT)
    assert (dos.Outcome.UNDETERMINED, ("win_rate",)) == (record.outcome, record.unknowns)


def test_an_unknown_keeps_its_reason(engine: dos.Engine) -> None:
    """A reader would be told that something is missing which is there and stale."""
    record = engine.decide("channel.invest", {**CHANNEL, "win_rate": Unknown.because(Reason.STALE, "", "three days old")}, at=AT)
    assert [("win_rate", "stale", "three days old")] == [(cause.name, cause.reason, cause.detail) for cause in record.causes]
    assert "To settle it: load it again." in flat(record.explain())


def test_a_blocked_input_blocks_before_anything_is_asked(engine: dos.Engine) -> None:
    """A value that its contract withholds would only count as missing, and a branch that does not read it could act."""
    withheld = Unknown.because(Reason.BLOCKED, "cac", "test `cac_range` failed for channel=Ads")
    record = engine.decide("channel.invest", {**CHANNEL, "cac_per_sqo": withheld, "attribution_validity": 0.9}, at=AT)
    assert dos.Outcome.BLOCKED == record.outcome
    (why,) = record.blocked_by
    assert "cac_per_sqo is blocked" in why
    assert "cac: test `cac_range` failed for channel=Ads" in why


# --- hit policy unique -----------------------------------------------------------------------------------------------------------------

UNIQUE = FILES["playbooks/budget.yaml"].replace("branches:\n", "hit_policy: unique\nbranches:\n  large:\n    when: sales ≥ $1M\n    action: raise\n")


@pytest.fixture(scope="module")
def unique(tmp_path_factory: pytest.TempPathFactory) -> dos.Engine:
    return dos.Engine.load(write(tmp_path_factory.mktemp("unique"), {**FILES, "playbooks/budget.yaml": UNIQUE}))


@pytest.mark.parametrize(
    ("size", "sales", "outcome", "branch"),
    [(150, 100, "act", "more"), (50, 2e6, "act", "large"), (50, 100, "hold", None), (150, 2e6, "undetermined", None), (None, 2e6, "undetermined", None)],
)
def test_unique_takes_the_one_branch_that_holds(unique: dos.Engine, size: float | None, sales: float, outcome: str, branch: str | None) -> None:
    """Two branches that both hold would be settled by their order, under a policy that says there must be one."""
    record = unique.decide("budget", {"deal_size": size, "sales": sales, "slo_green": True}, at=AT)
    assert (outcome, branch) == (record.outcome, record.branch)
    if outcome == "undetermined" and size is not None:
        assert "branches `large` and `more` both hold" in flat(record.explain())


# --- inputs of a finer grain -------------------------------------------------------------------------------------------------------------


def combining(folder: Path, how: str) -> dos.Engine:
    """The small rule book deciding once for all channels, its deal size combined that way."""
    playbook = (
        FILES["playbooks/budget.yaml"]
        .replace("subject: {id: channel, keys: [channel]}", "subject: {id: everything}")
        .replace("deal_size: deal_size", f"deal_size: {{metric: deal_size, {how}}}")
    )
    return dos.Engine.load(write(folder, {**FILES, "playbooks/budget.yaml": playbook}))


COMBINED = {  # each channel's deal size (100 is the least that acts) → the outcome for all, any, the greatest, the least
    "both enough": ({"Ads": 100, "Web": 300}, "act", "act", "act", "act"),
    "one short": ({"Ads": 99.99, "Web": 300}, "hold", "act", "act", "hold"),
    "both short": ({"Ads": 99, "Web": 1}, "hold", "hold", "hold", "hold"),
    "one unknown, one enough": ({"Ads": None, "Web": 300}, "undetermined", "act", "undetermined", "undetermined"),
    "one unknown, one short": ({"Ads": None, "Web": 1}, "hold", "undetermined", "undetermined", "undetermined"),
    "none at all": ({}, "undetermined", "undetermined", "undetermined", "undetermined"),
    "a bare number stands for all of them": (100, "act", "act", "act", "act"),
}


WAYS = ("combine: all", "combine: any", "combine: worst, worst: max", "combine: worst, worst: min")


@pytest.mark.parametrize(("place", "how"), list(enumerate(WAYS)))
def test_finer_inputs_are_combined_as_the_playbook_says(tmp_path: Path, place: int, how: str) -> None:
    """One channel would decide for all, or a gap in one would be passed over."""
    engine = combining(tmp_path, how)
    given = {name: {"deal_size": case[0], "sales": 100, "slo_green": True} for name, case in COMBINED.items()}
    found = {name: engine.decide("budget", values, at=AT).outcome.value for name, values in given.items()}
    assert {name: case[1 + place] for name, case in COMBINED.items()} == found


def test_the_key_that_decides_is_named(engine: dos.Engine) -> None:
    """Somebody would know that a segment's Payback worsens, and not which."""
    given = {**PRICING, "elasticity": -1.0, "list_price": 50.0, "cm_per_seat": 95.0, "payback": {"SMB": 8.0, "Enterprise": 30.0}}
    text = flat(engine.decide("pricing.change", given, at=AT, choose={"list_price_step": 0.1}).explain())
    assert "payback_change [Enterprise]: " in text
    assert "payback [Enterprise] = 30 months" in text
    assert "fails: payback_change ≤ payback_worsening_max" in text


def test_several_keys_for_an_input_that_is_one_value_are_refused(engine: dos.Engine) -> None:
    """One of several values would be picked."""
    with pytest.raises(dos.InputError, match=r"`win_rate` is one value, not one for each of several keys"):
        engine.decide("channel.invest", {**CHANNEL, "win_rate": {"a": 0.2, "b": 0.3}}, at=AT)


# --- what is chosen ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.05, 0.1, Decimal("0.05"), 0.1 - 1e-18])
def test_the_ends_of_a_range_may_be_chosen(engine: dos.Engine, step: Any) -> None:
    """The article's own 5 % or 10 % would be out of its range."""
    assert pytest.approx(float(step)) == engine.decide("pricing.change", PRICING, at=AT, choose={"list_price_step": step}).chosen["list_price_step"]


@pytest.mark.parametrize("step", [0.0499, 0.1001, -0.08, 8, float("nan"), float("inf"), True, None, "8%"], ids=repr)
def test_a_choice_outside_the_range_is_refused(engine: dos.Engine, step: Any) -> None:
    """A price rise of 800 % would go through because somebody wrote 8."""
    with pytest.raises(dos.InputError) as refused:
        engine.decide("pricing.change", PRICING, at=AT, choose={"list_price_step": step})
    assert "list_price_step" in str(refused.value)
    assert "[5%, 10%]" in str(refused.value)


def test_a_choice_of_a_parameter_that_does_not_exist_is_refused(engine: dos.Engine) -> None:
    """A misspelled choice would be passed over, and the default taken."""
    with pytest.raises(dos.InputError, match=r"has no parameter `list_price_stp`.*did you mean `list_price_step`"):
        engine.decide("pricing.change", PRICING, at=AT, choose={"list_price_stp": 0.05})


def test_what_was_recommended_and_what_was_chosen_are_both_kept(engine: dos.Engine) -> None:
    """An audit could not tell advice from choice."""
    record = engine.decide("pricing.change", PRICING, at=AT, choose={"list_price_step": 0.1})
    assert ({"list_price_step": 0.08}, {"list_price_step": 0.1}) == (dict(record.recommended), dict(record.chosen))
    assert "+10% list" == record.action
    assert "list_price_step chosen: 0.1, recommended: 0.08" in flat(record.explain())


# --- identity --------------------------------------------------------------------------------------------------------------------------------


def test_the_same_inputs_are_the_same_proposal(engine: dos.Engine) -> None:
    """The order of a mapping, a label for a name, `40` for `40.0`, or the hour, would make a second proposal of the same one."""
    first = engine.decide("pricing.change", PRICING, at=AT)
    again = {"E": -0.62, "Booking rate": 0.3, "List price": 40, "CM/seat": Decimal(28), "GM%": 0.78, "Payback": {"SMB": 12, "Enterprise": Reading(value=9.5)}}
    second = engine.decide("pricing.change", {"open_sev2_incidents": 0, "slo_green": True, **again}, at=AT + dt.timedelta(hours=1))
    assert (first.id, first.inputs_hash) == (second.id, second.inputs_hash)


@pytest.mark.parametrize(
    "change",
    [{"subject": "other"}, {"period": "2026-08"}, {"choose": {"list_price_step": 0.1}}, {"values": {"elasticity": -0.63}}, {"values": {"elasticity": None}}],
    ids=str,
)
def test_a_change_of_what_is_decided_is_another_proposal(engine: dos.Engine, change: dict[str, Any]) -> None:
    """An approval for one subject, period, step or price would count for another."""
    first = engine.decide("pricing.change", PRICING, at=AT)
    more = {**change}
    values = {**PRICING, **more.pop("values", {})}
    second = engine.decide("pricing.change", values, at=AT, **more)
    assert first.id != second.id
    assert ("values" in change) == (first.inputs_hash != second.inputs_hash)


def test_missing_differs_from_zero_and_from_stale(engine: dos.Engine) -> None:
    """Two decisions on different evidence would be one."""
    gaps = [0.0, None, Unknown.because(Reason.STALE, "win_rate", "old")]
    assert 3 == len({engine.decide("channel.invest", {**CHANNEL, "win_rate": gap}, at=AT).inputs_hash for gap in gaps})


# --- readings ----------------------------------------------------------------------------------------------------------------------------------


def test_a_reading_too_old_is_stale(engine: dos.Engine) -> None:
    """A number of last week would decide today. The bound is the one of its source: `readings` allow 24 hours."""
    at_the_bound = Reading(value=-0.62, loaded_at=AT - dt.timedelta(hours=24))
    beyond = Reading(value=-0.62, loaded_at=AT - dt.timedelta(hours=24, seconds=1))
    assert dos.Outcome.ACT == engine.decide("pricing.change", {**PRICING, "elasticity": at_the_bound}, at=AT).outcome
    record = engine.decide("pricing.change", {**PRICING, "elasticity": beyond}, at=AT)
    assert (dos.Outcome.UNDETERMINED, ["stale"]) == (record.outcome, [cause.reason for cause in record.causes])
    assert "24h" in record.causes[0].detail


def test_an_estimate_ends_with_its_validity(engine: dos.Engine) -> None:
    """An elasticity estimated for last year would price this one."""
    for until, outcome in ((AT, "act"), (AT - dt.timedelta(seconds=1), "undetermined")):
        record = engine.decide("pricing.change", {**PRICING, "elasticity": Reading(value=-0.62, valid_until=until)}, at=AT)
        assert outcome == record.outcome


@pytest.mark.parametrize(("n", "outcome"), [(29, "undetermined"), (30, "act"), (None, "act")])
def test_a_reading_of_too_few_is_unknown(engine: dos.Engine, n: int | None, outcome: str) -> None:
    """`min_n` would hold in a run and not for the same metric handed in."""
    record = engine.decide("channel.invest", {**CHANNEL, "win_rate": Reading(value=0.29, n=n)}, at=AT)
    assert outcome == record.outcome


def test_a_bare_number_is_taken_as_current_and_recorded_as_asserted(engine: dos.Engine) -> None:
    """A reader could not tell a number somebody typed from one that was measured."""
    measured = Reading(value=-0.62, loaded_at=AT, period="2026-09", n=40, version="3")
    record = engine.decide("pricing.change", {**PRICING, "elasticity": measured}, at=AT)
    ages = {item.name: item.age for item in record.inputs}
    assert ("measured", "asserted", "asserted") == (ages["elasticity"], ages["list_price"], ages["slo_green"])
    text = flat(record.explain())
    assert "elasticity = -0.62 (2026-09, n = 40, loaded 2026-10-06 14:00 UTC, version 3)" in text
    assert "list_price = $40/seat (age asserted by the caller)" in text


# --- what is refused -----------------------------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a text where a number belongs": ({"list_price": "40"}, "`list_price` is a number in USD/seat, not '40'"),
    "a truth where a number belongs": ({"elasticity": True}, "`elasticity` is a number in ratio, not True"),
    "a list": ({"elasticity": [-0.6]}, "elasticity"),
    "an integer that float64 cannot hold": ({"list_price": 2**53 + 1}, "an integer beyond 2**53 for `list_price`"),
    "a load without a zone": ({"elasticity": Reading(value=-0.6, loaded_at=dt.datetime(2026, 10, 6))}, "`loaded_at` of `elasticity` has no zone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_rule_can_read_is_refused_by_name(engine: dos.Engine, name: str) -> None:
    """A typo would be an unknown, or a text compared as one."""
    changes, message = REFUSED[name]
    with pytest.raises(dos.InputError) as refused:
        engine.decide("pricing.change", {**PRICING, **changes}, at=AT)
    assert message in str(refused.value)
    assert refused.value.name in changes


def test_a_misspelled_input_is_refused_with_the_one_that_is_absent(engine: dos.Engine) -> None:
    """A typo would leave the input unknown, and somebody look for the missing number where it is not missing."""
    given = {("elasticty" if name == "elasticity" else name): value for name, value in PRICING.items()}
    with pytest.raises(dos.InputError, match=r"reads no input `elasticty` \(did you mean `elasticity`\?\)"):
        engine.decide("pricing.change", given, at=AT)


def test_metrics_of_other_decisions_may_come_along(engine: dos.Engine) -> None:
    """One mapping of all metrics could not be handed to every decision."""
    record = engine.decide("pricing.change", {**PRICING, "shadow_match": 0.9, "Win rate": 0.3}, at=AT)
    assert dos.Outcome.ACT == record.outcome
    assert {"shadow_match", "Win rate"} & {item.name for item in record.inputs} == set()


def test_an_input_given_twice_is_one_value_or_refused(engine: dos.Engine) -> None:
    """Of two values under the name and the label of one input, one would be dropped without a word."""
    values = {"win_rate": 0.3, "SQL→Win": 0.3}
    assert engine.decide("channel.invest", values, at=AT).inputs == engine.decide("channel.invest", {"SQL→Win": 0.3}, at=AT).inputs
    with pytest.raises(dos.InputError, match=r"`win_rate` is given twice, as 0\.3 and under `SQL→Win` as 0\.1") as caught:
        engine.decide("channel.invest", {**values, "SQL→Win": 0.1}, at=AT)
    assert "win_rate" == caught.value.name


def test_a_decision_that_does_not_exist_is_named_with_the_nearest(engine: dos.Engine) -> None:
    """A newcomer would have to look the names up."""
    with pytest.raises(dos.NotFoundError, match=r"no decision `pricing.chnge` in the rule book \(did you mean `pricing.change`\?\)"):
        engine.decide("pricing.chnge", PRICING, at=AT)


def test_an_instant_without_a_zone_is_refused(engine: dos.Engine) -> None:
    """The last complete month would depend on where the program runs."""
    with pytest.raises(dos.InputError, match=r"`at` is a time without a zone"):
        engine.decide("pricing.change", PRICING, at=dt.datetime(2026, 10, 6))


def test_subject_and_period_are_worked_out_where_they_are_not_given(engine: dos.Engine) -> None:
    """Two channels of one month would be the same decision, or a month that is not over be decided on."""
    record = engine.decide("channel.invest", {**CHANNEL, "channel": "Google Ads"}, at=AT)
    assert ("Google Ads", "2026-09") == (record.subject, record.period)
    month_end = dt.datetime(2026, 10, 1, 3, 59, tzinfo=dt.UTC)  # 23:59 in New York
    assert "2026-08" == engine.decide("pricing.change", PRICING, at=month_end).period
    assert "2026-09" == engine.decide("pricing.change", PRICING, at=month_end + dt.timedelta(minutes=1)).period
    assert "list-price" == engine.decide("pricing.change", PRICING, at=AT).subject


# --- the record ------------------------------------------------------------------------------------------------------------------------------------

EVERY_OUTCOME: dict[str, tuple[str, Mapping[str, Any], dict[str, Any]]] = {
    "act": ("pricing.change", PRICING, {}),
    "hold": ("channel.invest", CHANNEL, {"cac_per_sqo": 105.0}),
    "blocked": ("routing.policy", ROUTING, {"fairness_gini": 0.46}),
    "undetermined": ("icp.update", ICP, {"win_rate_lift_sustained": None}),
}


@pytest.mark.parametrize("outcome", EVERY_OUTCOME)
def test_records_survive_json_and_the_ledger(engine: dos.Engine, tmp_path: Path, outcome: str) -> None:
    """What was decided could not be read back, or not be explained any more without the rule book."""
    node, given, changes = EVERY_OUTCOME[outcome]
    record = engine.decide(node, {**given, **changes}, at=AT)
    assert outcome == record.outcome
    again = dos.DecisionRecord.from_json(record.to_json())
    assert record == again
    assert (record.explain(), record.evidence) == (again.explain(), again.evidence)
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    ledger.append(record)
    assert [record] == list(ledger.records())
    assert ledger.verify().ok


@pytest.mark.parametrize("outcome", EVERY_OUTCOME)
def test_the_log_form_has_the_articles_fields(engine: dos.Engine, outcome: str) -> None:
    """A decision log kept by the article's fields would have holes."""
    node, given, changes = EVERY_OUTCOME[outcome]
    record = engine.decide(node, {**given, **changes}, at=AT)
    entry = record.log_entry()
    wanted = "timestamp node version subject inputs_version inputs_hash selected_thresholds chosen_action owner approvers risk_notes reversal_plan"
    assert set() == set(f"{wanted} reversal_outcome review_date status".split()) - set(entry)
    assert ("LAYER-0020-METRICS-v1", record.inputs_hash, record.action) == (entry["inputs_version"], entry["inputs_hash"], entry["chosen_action"])
    assert record.inputs_hash.startswith("sha256:")


def test_only_an_action_enters_the_lifecycle_and_asks_its_approvers(engine: dos.Engine) -> None:
    """People would be asked to approve doing nothing."""
    for outcome, (node, given, changes) in EVERY_OUTCOME.items():
        record = engine.decide(node, {**given, **changes}, at=AT)
        assert (dos.Status.PROPOSED if outcome == "act" else dos.Status.RECORDED) == record.status
        assert (["Finance", "Sales Ops"] if outcome == "act" else []) == [effect.target for effect in record.effects]


def test_the_explanation_of_a_blocked_policy_names_the_gini_and_the_cap(engine: dos.Engine) -> None:
    """Somebody would learn that fairness blocks, and not by how much."""
    text = flat(engine.decide("routing.policy", {**ROUTING, "fairness_gini": 0.46}, at=AT).explain())
    assert "fails: fairness of the candidate (fairness_gini ≤ fairness_gini_max)" in text
    assert "fairness_gini = 0.46, fairness_gini_max = 0.2; 0.26 short; needs fairness_gini at most 0.2" in text
    assert "Branch `promote` was not tried, a pre-check stands before it" in text


def test_the_explanation_says_why_the_other_branches_did_not_fire(engine: dos.Engine) -> None:
    """The most asked question about a rule would stay open: why not."""
    text = flat(engine.decide("channel.invest", {**CHANNEL, "cac_per_sqo": 105.0}, at=AT, subject="Ads").explain())
    assert "Channel investment for Ads, 2026-09: HOLD, no branch fired" in text
    assert "Branch `pause` did not fire" in text
    assert "cac_per_sqo = $105, cac_per_sqo_baseline = $100, pause_cac_ratio = 1.2; $15 short; needs cac_per_sqo at least $120" in text
    assert "Branch `invest` did not fire" in text
    assert "invest_cac_ratio = 0.9; $15 short; needs cac_per_sqo at most $90" in text
    assert "(1 other condition holds)" in text
    for words in ("Owner: Demand Gen.", "Approvers: FP&A, Analytics.", "seasonality confounds", "budget_split_revert, within next cycle", "Review: 2026-10-07"):
        assert words in text


# --- made the short way ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["channel.invest", "icp.update", "pricing.change", "routing.policy"])
@pytest.mark.parametrize("gap", [False, True])
def test_a_record_made_the_short_way_is_one_made_the_long_way(engine: dos.Engine, node: str, *, gap: bool) -> None:
    """A field would be left out, or left as what its converter should have changed: a mapping that can be written to, an instant in a named zone."""
    given = dict({"channel.invest": CHANNEL, "icp.update": ICP, "pricing.change": PRICING, "routing.policy": ROUTING}[node])
    if gap:
        given.pop(next(iter(given)))
    record = engine.decide(node, given, at=AT.astimezone(ZoneInfo("America/New_York")))
    parts: list[Any] = [record, *record.inputs, *record.actions, *record.effects]
    for made in parts:
        fields = attrs.fields(type(made))
        again = type(made)(**{field.alias: getattr(made, field.name) for field in fields})
        assert again == made
        assert hash(again) == hash(made)
        assert [type(getattr(again, field.name)) for field in fields] == [type(getattr(made, field.name)) for field in fields]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.id = "another"
    for instant in (record.timestamp, record.review_date):
        assert instant is None or isinstance(instant.tzinfo, dt.timezone)


def test_two_choices_do_not_share_their_texts(engine: dos.Engine) -> None:
    """What is worked out once for the usual parameters would stand on a record that was decided with others."""
    usual, other, again = (engine.decide("pricing.change", PRICING, at=AT, choose=choose) for choose in (None, {"list_price_step": 0.1}, {}))
    assert usual == again
    assert (0.08, 0.1) == (usual.chosen["list_price_step"], other.chosen["list_price_step"])
    assert usual.id != other.id
    assert usual.action != other.action


# --- many at once ----------------------------------------------------------------------------------------------------------------------

_NUMBERS = st.one_of(st.floats(0.0, 1.0), st.integers(0, 200), st.just(float("nan")), st.none(), st.builds(Reading, value=st.floats(0.0, 1.0), n=st.just(400)))


_ROWS = st.fixed_dictionaries({}, optional={**dict.fromkeys(CHANNEL, _NUMBERS), "slo_green": st.booleans(), "channel": st.sampled_from("AB")})


@hypothesis.given(
    rows=st.lists(_ROWS, max_size=4),
    period=st.none() | st.just("2026-09"),
)
@hypothesis.settings(max_examples=60)
def test_many_at_once_are_the_records_of_each(rows: list[dict[str, Any]], period: str | None) -> None:
    """A record of a batch would differ from the one decided alone, so its hash or its identity would depend on how it was asked for."""
    alone = [ENGINE.decide("channel.invest", row, at=AT, period=period) for row in rows]
    together = ENGINE.decide_many("channel.invest", iter(rows), at=AT, period=period)
    assert alone == together
    assert [record.to_dict() for record in alone] == [record.to_dict() for record in together]


def test_many_at_once_each_about_its_own_subject_and_period(engine: dos.Engine) -> None:
    """A text of one row would land on the record of another, or a choice be left out."""
    rows = [dict(PRICING), {**PRICING, "elasticity": None}]
    together = engine.decide_many("pricing.change", rows, at=AT, subject=["a", "b"], period=["2026-08", "2026-09"], choose={"list_price_step": 0.1})
    alone = [
        engine.decide("pricing.change", row, at=AT, subject=subject, period=period, choose={"list_price_step": 0.1})
        for row, subject, period in zip(rows, "ab", ["2026-08", "2026-09"], strict=True)
    ]
    assert alone == together
    assert ["all", "all"] == [record.subject for record in engine.decide_many("pricing.change", rows, at=AT, subject="all")]
    assert [] == engine.decide_many("pricing.change", [], at=AT)


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        ([CHANNEL, {**CHANNEL, "win_rate": "high"}], {}, "row 2: `win_rate` is a number"),
        ([CHANNEL, "CHANNEL"], {}, "row 2: `channel.invest` is decided on a mapping"),
        (CHANNEL, {}, "one mapping, not many"),
        ([CHANNEL, CHANNEL], {"subject": ["a"]}, "1 texts for 2 rows"),
        ([CHANNEL], {"choose": {"budget_shift": 3.0}}, "outside its range"),
    ],
)
def test_what_is_wrong_with_one_of_many_says_which(engine: dos.Engine, rows: Any, more: dict[str, Any], words: str) -> None:
    """The one bad row of ten thousand would have to be looked for."""
    with pytest.raises(InputError) as caught:
        engine.decide_many("channel.invest", rows, at=AT, **more)
    assert words in str(caught.value)
    assert words in caught.value.args[0]
    assert gc.isenabled()
