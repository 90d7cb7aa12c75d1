"""What a worker of joblib, Spark or multiprocessing is handed, and hands back: copies and pickles are equal, hash alike, and can do as much."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

import decision_os as dos
from decision_os import errors, lifecycle
from decision_os.engine.freeze import held_back
from decision_os.errors import CasesError, InputError, Issue, LifecycleError, RuleBookError, Where
from decision_os.readonly import ReadOnly, read_only
from decision_os.record import DecisionRecord, Evidence
from tests.conftest import Sample
from tests.marts import AT, CHANNEL, PRICING, ROUTING

ENGINE = dos.Engine.load(dos.reference_rules())

WAYS: Mapping[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "pickle, first binary protocol": lambda thing: pickle.loads(pickle.dumps(thing, 2)),
}
ways = pytest.mark.parametrize("way", [pytest.param(way, id=name) for name, way in WAYS.items()])


def records() -> Iterator[DecisionRecord]:
    """Each outcome, from a whole decision to one that knows nothing, and one held back."""
    yield ENGINE.decide("pricing.change", PRICING, at=AT)
    yield ENGINE.decide("pricing.change", PRICING, at=AT, choose={"list_price_step": 0.05})
    yield ENGINE.decide("channel.invest", {**CHANNEL, "slo_green": True, "win_rate": dos.Reading(value=0.29, n=9, loaded_at=AT)}, at=AT)
    yield ENGINE.decide("routing.policy", ROUTING, at=AT)
    yield ENGINE.decide("channel.invest", {}, at=AT)
    yield held_back(ENGINE.decide("pricing.change", PRICING, at=AT), ("cooldown",), "the last action is still being watched")


def same(one: Any, other: Any) -> bool:
    return bool(one == other) and type(one) is type(other) and hash(one) == hash(other) and repr(one) == repr(other)


def test_the_records_are_of_every_kind() -> None:
    assert {record.outcome for record in records()} == set(dos.Outcome)
    assert any(record.blocked_by == ("cooldown",) and not record.evidence.branches[0].taken for record in records())


@ways
def test_records(way: Callable[[Any], Any]) -> None:
    for fresh, known in zip(records(), records(), strict=True):
        copied = way(fresh)
        assert same(copied, known)
        assert copied.evidence == known.evidence != Evidence()
        assert copied.explain() == known.explain()
        assert copied.to_json() == known.to_json()
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            copied.subject = "another"
        for mapping in (copied.chosen, copied.thresholds, copied.recommended, copied.terms.approver_names):
            with pytest.raises(TypeError, match="read-only"):
                mapping["x"] = 1


@ways
def test_what_a_record_is_made_of(way: Callable[[Any], Any]) -> None:
    first = next(records())
    for part in (first.evidence, first.evidence.branches[0], first.terms, first.inputs[0], first.reversal_plan, dos.LogEntry.from_dict(first.log_entry())):
        assert same(way(part), part)


@ways
def test_a_life(way: Callable[[Any], Any]) -> None:
    proposed, event = lifecycle.propose(next(records()), person="Ann", at=AT)
    assert same(way(event), event)
    copied = way(proposed)
    assert same(copied, proposed)
    assert lifecycle.binding(copied) == lifecycle.binding(proposed)
    assert lifecycle.allowed(copied) == lifecycle.allowed(proposed)


@ways
@pytest.mark.parametrize("values", [{"x": 1, "y": 2.0}, {"x": 1}, {}, {"x": 9, "y": 1}], ids=["false", "unknown", "nothing", "true"])
def test_explanations(way: Callable[[Any], Any], values: dict[str, Any]) -> None:
    expression = dos.compile("x > 3 and (y in [0, 1] or x*y >= 20%)")
    copied, known = way(expression.explain(values)), expression.explain(values)
    assert same(copied, known)
    assert copied.flips == known.flips
    assert str(copied) == str(known)
    assert same(way(expression.residual(values)), expression.residual(values))


@ways
def test_an_entry_of_a_ledger(way: Callable[[Any], Any], tmp_path: Path) -> None:
    ledger = dos.Ledger(tmp_path / "ledger.jsonl")
    receipt = ledger.append(next(records()))
    (entry,) = ledger
    assert way(entry) == entry
    assert same(way(receipt), receipt)
    assert same(way(ledger.verify()), ledger.verify())


@ways
def test_an_engine(way: Callable[[Any], Any]) -> None:
    copied = way(ENGINE)
    assert copied.book == ENGINE.book
    assert copied.issues == ENGINE.issues
    assert copied.decide("pricing.change", PRICING, at=AT) == ENGINE.decide("pricing.change", PRICING, at=AT)


def test_the_parts_of_a_run(sample: Sample) -> None:
    for part in (sample.result.records, sample.result.freshness, sample.result.effects, sample.result.shifts, ENGINE.reviews(AT)):
        assert pickle.loads(pickle.dumps(part)) == part
    for rows in sample.result.metrics.values():
        assert pickle.loads(pickle.dumps(rows)) == rows


def in_a_worker(engine: dos.Engine, rows: list[Mapping[str, Any]], subjects: list[int]) -> tuple[list[DecisionRecord], dos.Expression, Any]:
    expression = dos.compile("cac <= 90")
    return engine.decide_many("channel.invest", rows, at=AT, subject=subjects), expression, expression.explain({"cac": 95})


def refused_in_a_worker(engine: dos.Engine) -> None:
    engine.decide_many("channel.invest", [CHANNEL, {**CHANNEL, "win_rate": "high"}], at=AT)


def test_another_process_decides_and_hands_back() -> None:
    """Spawned: it shares nothing with this one, as a worker on another machine."""
    rows: list[Mapping[str, Any]] = [CHANNEL, {**CHANNEL, "slo_green": True}, {**CHANNEL, "cac_per_sqo": None}]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found, expression, explanation = pool.submit(in_a_worker, ENGINE, rows, [1, 2, 3]).result()
        refused = pool.submit(refused_in_a_worker, ENGINE).exception()
    expected, same_expression, same_explanation = in_a_worker(ENGINE, rows, [1, 2, 3])
    assert found == expected
    assert list(map(hash, found)) == list(map(hash, expected))
    assert [record.to_json() for record in found] == [record.to_json() for record in expected]
    assert (expression, str(explanation)) == (same_expression, str(same_explanation))
    assert isinstance(refused, InputError)
    assert refused.message.startswith("row 2: `win_rate` is a number in share, not 'high'")


# --- errors ----------------------------------------------------------------------------------------------------------------


def raised() -> Iterator[BaseException]:
    issues = [Issue("unknown-metric", "unknown metric `win_rte`", Where("a.yaml", 3, 9)), Issue("no-unit", "`x` has no unit")]
    yield RuleBookError(issues)
    yield CasesError(issues)
    yield LifecycleError("it is executed", allowed=("keep", "reverse"), hint="keep it")
    yield InputError("`n` is a number", name="n", hint="give one", text="n > 3", line=1, column=1)
    for cause in ("win_rate >= 0,2", "x >"):
        with pytest.raises(errors.ExpressionError) as caught:
            dos.compile(cause)
        yield caught.value
    taken = {type(error) for error in (RuleBookError(()), CasesError(()), LifecycleError(""), InputError(""), errors.ExpressionError(""))}
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.DecisionOSError) and kind not in taken:
            yield kind("what is wrong")


@ways
def test_errors(way: Callable[[Any], Any]) -> None:
    for error in raised():
        copied = way(error)
        assert type(copied) is type(error)
        assert (str(copied), copied.args, vars(copied)) == (str(error), error.args, vars(error))


# --- the mapping -----------------------------------------------------------------------------------------------------------


@ways
def test_a_read_only_mapping(way: Callable[[Any], Any]) -> None:
    made = read_only({"a": (1, 2), "b": "x"})
    copied = way(made)
    assert copied == made == {"a": (1, 2), "b": "x"}
    assert type(copied) is ReadOnly
    assert list(copied) == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.__setitem__("a", 2),
        lambda made: made.__delitem__("a"),
        lambda made: made.__ior__({"a": 2}),
        lambda made: made.clear(),
        lambda made: made.pop("a"),
        lambda made: made.popitem(),
        lambda made: made.setdefault("c", 2),
        lambda made: made.update({"a": 2}),
        lambda made: made.update(a=2),
    ],
)
def test_nothing_changes_it(change: Callable[[Any], object]) -> None:
    made = read_only({"a": 1})
    with pytest.raises(TypeError, match="read-only"):
        change(made)
    assert made == {"a": 1}


def test_it_is_made_once_and_holds_what_was_there() -> None:
    source = {"a": 1}
    made = read_only(source)
    source["a"] = 2
    assert made == {"a": 1}
    assert read_only(made) is made
    with pytest.raises(AttributeError):
        made.note = "x"  # type: ignore[attr-defined]
