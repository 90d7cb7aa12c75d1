"""The decision record: its full form and back, its log form, its explanation."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.errors import InputError, RecordError
from decision_os.expr import Condition
from decision_os.record import BranchEvidence, CheckEvidence, DecisionRecord, Evidence, InputTaken, LogEntry, Outcome, Status
from decision_os.values import Cause, Reason, Unknown
from tests.records import EVIDENCE, UPLIFT_FAILS, UPLIFT_UNKNOWN, record, undecided

NEW_YORK = ZoneInfo("America/New_York")

# --- the full form -------------------------------------------------------------------------------------------------------------


def test_full_form_and_back() -> None:
    """A stored record would come back changed, or without its evidence."""
    back = DecisionRecord.from_json(record().to_json())
    assert record() == back
    assert EVIDENCE == back.evidence
    assert (Outcome, Status) == (type(back.outcome), type(back.status))


def test_the_full_form_says_what_it_is() -> None:
    """A reader of another version could not tell that the text is not for it; or the evidence would be left out."""
    data = record().to_dict()
    assert "decision-os/1" == next(iter(data.values()))
    assert "_evidence" not in data
    assert "E in E_range" == data["evidence"]["branches"][0]["conditions"][0]["text"]
    assert data == json.loads(record().to_json(indent=2))


def test_evidence_is_worked_out_once() -> None:
    """Asking twice would run the whole explanation twice, or store another one than was shown."""
    calls: list[int] = []

    def work() -> Evidence:
        calls.append(1)
        return EVIDENCE

    lazy = record(evidence=work)
    assert [] == calls
    assert EVIDENCE == lazy.evidence == DecisionRecord.from_dict(lazy.to_dict()).evidence
    assert [1] == calls
    assert lazy == record(evidence=Evidence())


finite = st.floats(allow_nan=False, allow_infinity=False)
instants = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.sampled_from([dt.UTC, NEW_YORK]))
unknowns = st.builds(Unknown.because, st.sampled_from(Reason), st.text(max_size=3), st.text(max_size=3))
scalars = st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(max_size=4) | st.dates() | instants | st.timedeltas()
input_values = scalars | unknowns


texts = st.text(max_size=4)
sides = st.none() | scalars
conditions = st.builds(
    Condition,
    text=texts,
    holds=st.none() | st.booleans(),
    left=sides,
    right=sides,
    margin=st.none() | finite,
    values=st.lists(st.tuples(texts, scalars), max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(input_values, max_size=3), instants, st.dictionaries(st.text(max_size=3), finite, max_size=2), conditions, texts)
def test_any_record_comes_back(values: list[Any], when: dt.datetime, numbers: dict[str, float], condition: Condition, text: str) -> None:
    """Some value that a decision may read would not survive storage: the hour that autumn repeats, a `$` in a name, an unknown."""
    branch = BranchEvidence(id=text, action=text, text=text, holds=condition.holds, taken=False, conditions=(condition,))
    written = record(
        inputs=tuple(InputTaken(name=text, value=value, loaded_at=when) for value in values),
        timestamp=when,
        chosen=numbers,
        recommended=numbers,
        causes=tuple(cause for value in values if isinstance(value, Unknown) for cause in value.causes),
        evidence=Evidence(branches=(branch,)),
    )
    back = DecisionRecord.from_json(written.to_json())
    assert written == back
    assert [type(taken.value) for taken in written.inputs] == [type(taken.value) for taken in back.inputs]
    assert written.to_dict() == back.to_dict()
    assert written.log_entry() == back.log_entry()
    assert str(written) == str(back)


def test_every_wrong_field_is_told_at_once() -> None:
    """A reader would mend one field, only to be told of the next."""
    data = record().to_dict()
    del data["owner"]
    data["outcome"] = "acted"
    data["approvers"] = "Finance"
    data["statu"] = "proposed"
    data["timestamp"] = "2026-10-06T14:00:00"
    data["review_date"] = "soon"
    data["thresholds"] = {"cm_uplift_min": 3}
    data["chosen"] = {"step": True}
    data["inputs"][1]["n"] = "41"
    data["inputs"][0]["value"] = {"$colour": "red"}
    data["evidence"]["branches"][0]["conditions"][1]["holds"] = "yes"
    data["evidence"]["pre_checks"] = {}
    with pytest.raises(RecordError) as caught:
        DecisionRecord.from_dict(data)
    expected = """not a decision record:
  $.approvers: must be a list, not a text
  $.chosen['step']: must be a number, not true or false
  $.evidence.branches[0].conditions[1].holds: must be true or false, not a text
  $.evidence.pre_checks: must be a list, not an object
  $.inputs[0].value: `$colour` is not a typed form; write `$$colour` for a key of that name
  $.inputs[1].n: must be a whole number, not a text
  $.outcome: `acted` is not one of act, hold, blocked, undetermined
  $.owner: is missing
  $.review_date: `soon` is not an instant; write it as 2026-10-06T14:00:00+00:00
  $.thresholds['cm_uplift_min']: must be a text, not a number
  $.timestamp: the instant `2026-10-06T14:00:00` has no zone; write it as 2026-10-06T14:00:00+00:00
  $: unknown key `statu` (did you mean `status`?)"""
    assert expected == str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "`record` should be `decision-os/1`, and it does not say so"),
        ('{"record": "decision-os/2"}', "and it says `decision-os/2`"),
        ('{"record": "decision-os/1", "record": "decision-os/1"}', "the key `record` is there twice"),
        ('{"record": "decision-os/1", "id": NaN}', "`NaN` is not JSON"),
    ],
)
def test_a_text_that_is_no_record(text: str, words: str) -> None:
    """Any other JSON would end in a raw exception."""
    with pytest.raises(RecordError, match=re.escape(words)):
        DecisionRecord.from_json(text)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, {"$decimal": "1"}, {"$bytes": "00"}])
def test_an_input_that_no_rule_can_read(value: Any) -> None:
    """A value that could never have been decided on would be read as an input."""
    data = record().to_dict()
    data["inputs"][0]["value"] = value
    with pytest.raises(RecordError, match=re.escape("$.inputs[0].value: must be a value")):
        DecisionRecord.from_dict(data)


@pytest.mark.parametrize("field", ["timestamp", "review_date"])
def test_a_naive_instant_is_refused(field: str) -> None:
    """A record would be dated in a zone nobody knows."""
    with pytest.raises(InputError, match="has no zone"):
        record(**{field: dt.datetime(2026, 10, 6)})


def test_the_hour_that_autumn_repeats() -> None:
    """A record made at 01:30 in the repeated hour would not equal itself after storage."""
    twice = dt.datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1)
    written = record(timestamp=twice)
    assert written == DecisionRecord.from_json(written.to_json())
    assert "2026-11-01T01:30:00-05:00" == written.to_dict()["timestamp"]


# --- the log form --------------------------------------------------------------------------------------------------------------

# As the article prints it, section 4.1; its export doubles every quote.
ARTICLE = (
    '{""node"":""pricing.change"",""version"":""1.0"",""inputs_hash"":""sha256:..."",""selected_thresholds"":'
    '{""E_range"":""[-1.0,-0.3]"",""cm_uplift_min"":3},""action"":""+8% list"",""owner"":""CRO"",'
    '""approvers"":[""Finance"",""SalesOps""],""reversal_plan"":""price_card_rollback@v2025.10"",""status"":""approved""}'
).replace('""', '"')


def test_the_articles_example_reads_back() -> None:
    """The one log entry that the article prints could not be read."""
    expected = LogEntry(
        node="pricing.change",
        version="1.0",
        inputs_hash="sha256:...",
        selected_thresholds={"E_range": "[-1.0,-0.3]", "cm_uplift_min": 3},
        chosen_action="+8% list",
        owner="CRO",
        approvers=("Finance", "SalesOps"),
        reversal_plan="price_card_rollback@v2025.10",
        status="approved",
    )
    assert expected == LogEntry.from_json(ARTICLE)


def test_log_entry_of_a_record() -> None:
    """A field of the log would be missing, or under another name than the article's."""
    expected = {
        "timestamp": "2026-10-06T14:00:00+00:00",
        "node": "pricing.change",
        "version": "1.0",
        "subject": "list-price",
        "inputs_version": "LAYER-0020-METRICS-v1",
        "inputs_hash": "sha256:1239",
        "selected_thresholds": {"E_range": "[-1.0, -0.3]", "cm_uplift_min": "$3"},
        "chosen_action": "raise list price +8%",
        "owner": "CRO",
        "approvers": ["Finance", "SalesOps"],
        "risk_notes": "demand dip if elasticity misestimated",
        "reversal_plan": "price_card_rollback@v2025.10",
        "reversal_outcome": None,
        "review_date": "2026-10-06T14:00:00+00:00",
        "status": "proposed",
        "id": "sha256:1d",
        "outcome": "act",
        "period": "2026-Q4",
    }
    assert expected == record().log_entry()
    assert expected == LogEntry.from_json(json.dumps(expected)).to_dict()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"node": "a", "action": "b", "chosen_action": "b"}', "it has both `action` and `chosen_action`"),
        ('{"version": "1.0"}', "$.node: is missing"),
        ('{"node": "a", "approver": []}', "unknown key `approver` (did you mean `approvers`?)"),
        ('{"node": "a", "approvers": "Finance"}', "$.approvers: must be a list, not a text"),
        ("[]", "must be an object, not a list"),
        ("{", "not JSON"),
    ],
)
def test_a_text_that_is_no_log_entry(text: str, words: str) -> None:
    """A damaged log line would be read as an entry, or end in a raw exception."""
    with pytest.raises(RecordError, match=re.escape(words)):
        LogEntry.from_json(text)


# --- words ---------------------------------------------------------------------------------------------------------------------


def test_the_explanation_of_an_action() -> None:
    """A leader would not learn what was decided, why, why not otherwise, or who has to do what."""
    expected = """\
Pricing change for list-price, 2026-Q4: ACT, raise list price +8% (decided 2026-10-06 14:00 UTC)

Outcome act, status proposed.
Note: one price card for all segments

Action
  raise list price +8%
    hold discount ladders
    list_price: $40/seat → $43.20/seat (by $3.20/seat)
  list_price_step chosen: 0.08, recommended: 0.08

Why
  Branch `raise` fired: E in E_range and cm_uplift >= cm_uplift_min
    holds: E in E_range; E = -0.62; 0.32 to spare
    holds: cm_uplift >= cm_uplift_min; cm_uplift = 3.2, cm_uplift_min = 3; $0.20/seat to spare

Why not the other branches
  Branch `cut` was not tried, an earlier branch had decided: E < -1

Pre-checks
  holds: SLO health green (slo_health >= 0.99)

Projections
  cm_uplift: $3.20/seat (list_price * step)

Thresholds
  E_range = [-1.0, -0.3]
  cm_uplift_min = $3

Inputs
  E = -0.62 (metric elasticity, 2026-Q3, n = 41, loaded 2026-10-06 14:00 UTC, valid until 2026-10-06
      14:00 UTC, version 2)
  payback [segment=SMB] = 11 months (age asserted by the caller)

Who, and how to undo it
  Owner: CRO. Still to approve: Finance, SalesOps.
  Risk (high): demand dip if elasticity misestimated
  Reversibility: high
  Reversal: price_card_rollback@v2025.10, within 1 hour, by RevOps.
    1. flip the price card flag
  Review: 2026-10-06 14:00 UTC, monthly business review

Monitoring
  booking_rate: within ±5% of forecast (every day, for 14 days)

To do
  notify Finance: approve pricing.change

Where it comes from
  Playbook pricing.change 1.0, rule book reference 1 (sha256:b00c)
  Inputs LAYER-0020-METRICS-v1 (sha256:1239)
  Record sha256:1d"""
    assert expected == record().explain()
    assert expected.splitlines()[0] == str(record())


def test_why_a_branch_did_not_fire() -> None:
    """The most asked-for thing, by how much a condition missed and what would flip it, would not be there."""
    text = undecided().explain()
    assert "No branch fired, so the playbook says: hold." in text
    assert "Branch `raise` did not fire: E in E_range and cm_uplift >= cm_uplift_min" in text
    words = "fails: cm_uplift >= cm_uplift_min; cm_uplift = 2; $1/seat short; needs cm_uplift at least $3/seat"
    assert words in " ".join(text.split())
    assert "(1 other condition holds)" in text
    assert "Still to approve" not in text


def test_what_is_unknown_and_what_would_settle_it() -> None:
    """An undetermined decision would not say what to do about it."""
    cause = UPLIFT_UNKNOWN.causes[0]
    branch = BranchEvidence(id="raise", action="raise", text="…", holds=None, taken=False, conditions=(UPLIFT_UNKNOWN,))
    undetermined = undecided(outcome=Outcome.UNDETERMINED, causes=(cause,), evidence=Evidence(branches=(branch,)))
    text = undetermined.explain()
    assert ("cm_uplift",) == undetermined.unknowns
    assert "UNDETERMINED, still needs cm_uplift" in str(undetermined)
    assert "Branch `raise` cannot be told, something it needs is unknown" in text
    assert "unknown: cm_uplift >= cm_uplift_min; cm_uplift is stale: loaded 3 days ago" in text
    assert "cm_uplift is stale: loaded 3 days ago. To settle it: load it again." in text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_remedy(reason: Reason) -> None:
    """A new reason for an unknown would leave the reader without a way on."""
    text = undecided(outcome=Outcome.UNDETERMINED, causes=(Cause("cac", reason.value),)).explain()
    assert "To settle it: find out why" not in text


def test_what_blocks() -> None:
    """A blocked decision would not name the pre-check, or would blame a branch."""
    check = CheckEvidence(id="slo_health", label="SLO health green", text="slo >= 0.98", holds=False, conditions=(UPLIFT_FAILS,))
    branch = BranchEvidence(id="raise", action="raise", text="E < 0", holds=True, taken=False, reached=False)
    blocked = undecided(outcome=Outcome.BLOCKED, blocked_by=("slo_health",), evidence=Evidence(pre_checks=(check,), branches=(branch,)))
    text = blocked.explain()
    assert "BLOCKED, by slo_health" in str(blocked)
    assert "Blocked before any branch was looked at, by slo_health." in text
    assert "Branch `raise` was not tried, a pre-check stands before it: E < 0" in text
    assert "fails: SLO health green (slo >= 0.98)" in text


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=40), max_size=40).map(" ".join))
def test_lines_stay_within_a_page(words: str) -> None:
    """A long rule would run out of the window."""
    assert max(map(len, record(risk_notes=words, notes=(words,)).explain().splitlines())) <= 100


def test_the_notebook_block_is_inert() -> None:
    """Text from a rule or an export would run as a script in a notebook."""
    bad = "<script>alert(1)</script>"
    shown = record(subject=bad, inputs=(InputTaken(name=bad, key=bad, value=bad),), notes=(bad,))._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
