"""What names a decision and what stands beside a value: read as a frame means it, or refused, and never put on a record that cannot be read back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import decision_os as dos
from decision_os.errors import InputError, RecordError
from decision_os.record import Event, EventKind
from tests.marts import AT, CHANNEL
from tests.records import record

ENGINE = dos.Engine.load(dos.reference_rules())
WHOLE: Mapping[str, Any] = {**CHANNEL, "slo_green": True}


def decide(values: Mapping[str, Any] = WHOLE, **more: Any) -> dos.DecisionRecord:
    return ENGINE.decide("channel.invest", values, at=AT, **more)


@pytest.mark.parametrize("given", [101, np.int64(101), np.uint8(101), pa.scalar(101), "101", np.str_("101")], ids=lambda given: type(given).__name__)
@pytest.mark.parametrize("name", ["subject", "period"])
def test_a_whole_number_names_a_decision_by_its_digits(name: str, given: Any) -> None:
    found = decide(**{name: given})
    assert getattr(found, name) == "101"
    assert type(getattr(found, name)) is str
    assert found == (decide(subject="101") if name == "subject" else decide(period="101"))


def test_an_id_may_be_larger_than_any_number_a_rule_compares() -> None:
    assert decide(subject=2**62).subject == decide(subject=np.int64(2**62)).subject == str(2**62)


@pytest.mark.parametrize(
    "given", [101.0, float("nan"), np.float64(101), True, np.bool_(True), pd.NA, pd.NaT, [1], b"x", object(), 10**5000], ids=lambda given: type(given).__name__
)
@pytest.mark.parametrize("name", ["subject", "period"])
def test_what_names_nothing_is_refused(name: str, given: Any) -> None:
    with pytest.raises(InputError, match=f"`{name}` is a text or a whole number, not ") as refused:
        decide(**{name: given})
    assert refused.value.name == name


def test_an_id_that_a_gap_made_a_float_is_refused_with_what_to_do() -> None:
    ids = pd.DataFrame({"id": [101, None]})["id"]
    with pytest.raises(InputError, match=r"row 1: `subject` is a text or a whole number, not 101\.0 \(.*`Int64`\)"):
        ENGINE.decide_many("channel.invest", [WHOLE] * 2, at=AT, subject=ids)


def test_the_subject_in_a_row_is_read_alike() -> None:
    assert decide({**WHOLE, "channel": np.int64(7)}).subject == decide({**WHOLE, "channel": 7}).subject == "7"
    assert decide({**WHOLE, "channel": dt.date(2026, 9, 1)}).subject == "2026-09-01"
    for gap in (float("nan"), None, 7.0):
        with pytest.raises(InputError, match="`channel` is a text or a whole number"):
            decide({**WHOLE, "channel": gap})


@pytest.mark.parametrize(
    "ids",
    [[5, 6], ("5", 6), pd.Series([5, 6]), np.array([5, 6]), pa.array([5, 6]), (number for number in (5, 6)), iter(["5", "6"])],
    ids=lambda ids: type(ids).__name__,
)
def test_a_subject_for_each_row_comes_from_anything_in_order(ids: Any) -> None:
    assert [each.subject for each in ENGINE.decide_many("channel.invest", [WHOLE] * 2, at=AT, subject=ids)] == ["5", "6"]


def test_none_in_a_list_of_subjects_leaves_it_to_the_row() -> None:
    assert [each.subject for each in ENGINE.decide_many("channel.invest", [WHOLE] * 2, at=AT, subject=[None, 6])] == [decide().subject, "6"]


def test_one_number_names_all_rows() -> None:
    assert [each.period for each in ENGINE.decide_many("channel.invest", [WHOLE] * 2, at=AT, period=2026)] == ["2026", "2026"]


@pytest.mark.parametrize(
    ("rows", "more", "name"),
    [
        (None, {}, "rows"),
        (5, {}, "rows"),
        ("abc", {}, "rows"),
        ({"a": 1}, {}, "rows"),
        ([WHOLE], {"subject": {"a": 1}}, "subject"),
        ([WHOLE], {"subject": {"a"}}, "subject"),
        ([WHOLE], {"subject": b"a"}, "subject"),
        ([WHOLE], {"period": ["a", "b"]}, "period"),
        ([WHOLE], {"period": (text for text in "ab")}, "period"),
    ],
)
def test_rows_and_subjects_that_are_none_are_refused(rows: Any, more: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError) as refused:
        ENGINE.decide_many("channel.invest", rows, at=AT, **more)
    assert refused.value.name == name


# --- beside a value --------------------------------------------------------------------------------------------------------


def test_a_reading_takes_what_a_frame_hands_in() -> None:
    row: dict[str, Any] = {"period": np.int64(2026), "version": 3, "n": np.int32(340), "members": 22.0, "valid_until": pd.NaT}
    found = dos.Reading(value=0.29, loaded_at=pd.Timestamp("2026-10-01T06:00:00.000000001", tz="UTC"), **row)
    assert found == dos.Reading(value=0.29, period="2026", version="3", n=340, members=22, loaded_at=dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC))
    assert [type(getattr(found, name)) for name in ("period", "version", "n", "members", "loaded_at")] == [str, str, int, int, dt.datetime]


@pytest.mark.parametrize(
    "gap", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")], ids=lambda gap: type(gap).__name__
)
def test_a_gap_beside_a_value_is_none(gap: Any) -> None:
    beside = {field.name: gap for field in attrs.fields(dos.Reading) if field.name != "value"}
    assert dos.Reading(value=0.29, **beside) == dos.Reading(value=0.29)


def test_a_missing_n_is_no_n() -> None:
    """A column with gaps holds NaN for them, and floats for the rest; NaN is below no bound, so it let a share pass that rests on nothing known."""
    values = {**WHOLE, "win_rate": dos.Reading(value=0.29, n=float("nan"))}  # type: ignore[arg-type]
    assert decide(values) == decide({**WHOLE, "win_rate": dos.Reading(value=0.29)})
    assert decide({**WHOLE, "win_rate": dos.Reading(value=0.29, n=5.0)}).outcome == "undetermined"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("n", wrong) for wrong in ("5", 5.5, -1, True, float("inf"), [5], dt.timedelta(5), 2**60)),
        ("members", "5"),
        *(("period", wrong) for wrong in (2026.0, True, object(), ["2026"], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))),
        ("version", 1.5),
        *(("loaded_at", wrong) for wrong in ("2026-10-01", dt.date(2026, 10, 1), 5, object())),
        ("valid_until", "2026-10-01"),
    ],
    ids=lambda given: given if type(given) is str else type(given).__name__,
)
def test_what_cannot_stand_beside_a_value_is_refused(name: str, given: Any) -> None:
    with pytest.raises(InputError) as refused:
        dos.Reading(value=0.29, **{name: given})
    assert refused.value.name == name


class Nowhere(dt.tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, _: dt.datetime | None) -> None:
        return None

    tzname = dst = utcoffset


@pytest.mark.parametrize("instant", [dt.datetime(2026, 10, 1), dt.datetime(2026, 10, 1, tzinfo=Nowhere())], ids=["naive", "offset unknown"])
@pytest.mark.parametrize("value", [0.29, None])
def test_an_instant_beside_a_value_has_a_zone(instant: dt.datetime, value: float | None) -> None:
    for name in ("win_rate", "slo_green"):
        reading = dos.Reading(value=value if name == "win_rate" else True, loaded_at=instant)
        with pytest.raises(InputError, match=f"`loaded_at` of `{name}` has no zone"):
            decide({**WHOLE, name: reading})


# --- the law ---------------------------------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 5, 2**53 + 1, 2**62, 0.0, 5.0, 5.5, float("nan"), float("inf"), -0.0, "", "5", "2026-09", "é", "\ud800", "a\x00b", b"5"),
    *(Decimal(5), Decimal("NaN"), dt.date(2026, 9, 1), dt.datetime(2026, 9, 1, tzinfo=dt.UTC), dt.datetime(2026, 9, 1), dt.timedelta(5)),
    *(np.int64(5), np.float64(5), np.float32("nan"), np.bool_(True), np.str_("a"), np.datetime64("2026-09-01"), np.datetime64("NaT")),
    *(pd.NA, pd.NaT, pd.Timestamp("2026-09-01", tz="Europe/Berlin"), pd.Timestamp("2026-10-01T00:00:00.000000001Z"), pd.Period("2026-09")),
    *(pa.scalar(5), pa.scalar("a"), object(), [5], {"a": 1}, dos.Unknown(()), dos.Reading(value=5), Nowhere()),
)


@given(st.dictionaries(st.sampled_from(["period", "loaded_at", "valid_until", "n", "version", "members"]), st.sampled_from(ODD)), st.data())
def test_what_is_decided_can_be_read_back(beside: dict[str, Any], data: st.DataObject) -> None:
    """Whatever a caller hands in beside the values: a typed refusal, or a record that its own text gives back."""
    more = data.draw(st.dictionaries(st.sampled_from(["subject", "period", "choose"]), st.sampled_from(ODD), max_size=2))
    odd = data.draw(st.dictionaries(st.sampled_from(["channel", "slo_green", "win_rate", "cac_per_sqo"]), st.sampled_from(ODD), max_size=2))
    try:
        reading = dos.Reading(value=data.draw(st.sampled_from([0.29, *ODD])), **beside)
        found = decide({**WHOLE, data.draw(st.sampled_from(["win_rate", "cac_per_sqo", "slo_green"])): reading, **odd}, **more)
    except InputError:
        return
    if not _encodable(found):
        return
    assert dos.DecisionRecord.from_json(found.to_json()) == found
    assert dos.DecisionRecord.from_dict(found.to_dict()) == found


def _encodable(found: dos.DecisionRecord) -> bool:
    """Half a character beside a value is text to Python, and to nobody who reads bytes; the ledger refuses it."""
    try:
        found.to_json().encode()
    except UnicodeEncodeError:
        return False
    return True


# --- the ledger ------------------------------------------------------------------------------------------------------------


def made_by_hand() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "record", lambda: record(subject=5)
    yield "record inside", lambda: attrs.evolve(decide(), inputs=(attrs.evolve(decide().inputs[0], period=2026),))  # type: ignore[arg-type]
    yield "log", lambda: dos.LogEntry(node="pricing.change", version=3)  # type: ignore[arg-type]
    yield "event", lambda: Event(record="sha256:1d", kind=EventKind.REJECTED, at=AT, person=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in made_by_hand()])
def test_a_ledger_refuses_what_could_not_be_read_back(tmp_path: Path, make: Callable[[], Any]) -> None:
    ledger = dos.Ledger(tmp_path / "ledger.jsonl")
    ledger.append(decide())
    before = ledger.path.read_bytes()
    for append in (ledger.append, lambda item: ledger.extend([decide(), item])):
        with pytest.raises(RecordError, match=r"must be a text, not a number"):
            append(make())
    assert ledger.path.read_bytes() == before
    assert list(ledger.records()) == [decide()]


def test_the_plain_form_needs_no_json_between() -> None:
    found = decide()
    assert found.to_dict() == json.loads(found.to_json())
    assert dos.DecisionRecord.from_dict(found.to_dict()) == found
