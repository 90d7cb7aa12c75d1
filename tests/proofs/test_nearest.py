"""The nearest change of a record: of numbers, counts, truths, texts and unknowns, to any other decision or to one that is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import decision_os as dos
from decision_os.engine import Engine
from decision_os.errors import DecisionOSError, InputError, OutOfTimeError
from decision_os.values import Reason, Unknown
from tests.proofs.books import AT, CHANNEL, book, calling, edited
from tests.proofs.corpus import COUNT, FLAG, MONEY, RATIO, SHARE, TEXT, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import Turn, nearest_change  # after the skip


def test_the_nearest_change_flips_and_is_nearest(engine: dos.Engine) -> None:
    """A person would be told to move a number that moves nothing, or further than is needed."""
    record = engine.decide("channel.invest", CHANNEL, at=AT)
    turn = nearest_change(engine, record, among=["cac_per_sqo"])
    assert turn is not None
    assert {"cac_per_sqo": (94.0, 90.0)} == dict(turn.changes)
    assert ("act", "invest") == (turn.record.outcome.value, turn.record.branch)
    assert "cac_per_sqo from 94 to 90: act (+20% budget)" == str(turn)


def test_a_nearest_change_says_whether_it_is_proven_to_be(engine: dos.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found when time ran out would be told as the nearest there is, and no answer as `there is none`."""
    record = engine.decide("channel.invest", CHANNEL, at=AT)
    turn = nearest_change(engine, record, among=["cac_per_sqo"])
    assert turn is not None
    assert turn.proven
    assert turn.distance * 0.99 <= turn.at_least <= turn.distance
    assert issubclass(OutOfTimeError, DecisionOSError)
    assert issubclass(OutOfTimeError, TimeoutError)
    with pytest.raises(OutOfTimeError, match=r"channel.invest for .* was not found out in 0 s"):
        nearest_change(engine, record, among=["cac_per_sqo"], seconds=0)
    monkeypatch.setattr("decision_os.proofs.nearest._HALVINGS", 0)  # as where the time is over when one is found
    far = nearest_change(engine, record, among=["cac_per_sqo"])
    assert far is not None
    assert (False, 0.0) == (far.proven, far.at_least)
    assert str(far).endswith(" (not proven to be the nearest)")


@pytest.mark.parametrize("seconds", ["x", None, [1], -1, True, float("nan")])
def test_what_is_no_number_of_seconds_is_refused_as_given(engine: dos.Engine, seconds: Any) -> None:
    """A mistake in the call would be an error of the arithmetic inside, or be told of another number; or pass where nothing has to be looked for."""
    record = engine.decide("channel.invest", CHANNEL, at=AT)
    for wanted in (None, record.outcome.value):
        with pytest.raises(InputError) as refused:
            nearest_change(engine, record, outcome=wanted, seconds=seconds)
        assert ("seconds", f"`seconds` is a number from 0 to 1,000,000, not {seconds!r}") == (refused.value.name, refused.value.message)


def test_two_inputs_together(engine: dos.Engine) -> None:
    """What no single input can change would be called fixed."""
    record = engine.decide("channel.invest", {**CHANNEL, "win_rate": 0.28}, at=AT)
    among = ["cac_per_sqo", "win_rate"]
    turn = nearest_change(engine, record, among=among)
    assert turn is not None
    assert ({"cac_per_sqo", "win_rate"}, "invest") == (set(turn.changes), turn.record.branch)
    alone = nearest_change(engine, record, among=["win_rate"], at_most=1)
    assert alone is None


def nearest(folder: Path, values: Mapping[str, Any], when: Mapping[str, str], *, among: list[str] | None = None, **changes: Any) -> Turn | None:
    """The nearest change of what a small rule book over x and y decides."""
    engine = book(folder, Case(name="nearest", inputs={"x": RATIO, "y": RATIO}, branches=when, policy="first"), **changes)
    return nearest_change(engine, engine.decide("node", values, at=AT), among=among)


@pytest.mark.parametrize("among", [None, ["y"]])
def test_a_branch_more_is_another_decision_where_branches_are_collected(tmp_path: Path, among: list[str] | None) -> None:
    """Doing b beside a would pass for no change, and what is much farther off would be called proven nearest."""
    turn = nearest(tmp_path, {"x": 2, "y": 0.99}, {"a": "x >= 1", "b": "y >= 1"}, among=among, policy="collect")
    assert turn is not None
    assert ({"y": (0.99, 1)}, "a, b", True) == (turn.changes, turn.record.branch, turn.proven)
    assert turn.distance == pytest.approx(100 / 99)


def test_a_branch_less_is_another_decision_where_branches_are_collected(tmp_path: Path) -> None:
    """Where both are taken, losing one would pass for no change."""
    turn = nearest(tmp_path, {"x": 2, "y": 1}, {"a": "x >= 1", "b": "y >= 1"}, policy="collect")
    assert turn is not None
    assert ("a", {"y"}) == (turn.record.branch, set(turn.changes))


def test_what_is_undetermined_is_not_blocked(tmp_path: Path) -> None:
    """The point itself would be taken for another decision, and nothing found."""
    turn = nearest(tmp_path, {"x": None, "y": 0}, {"a": "x >= 1 or y >= 1"}, among=["y"])
    assert turn is not None
    assert ({"y": (0, 1)}, "a") == (turn.changes, turn.record.branch)


def test_what_is_undetermined_is_no_other_decision(tmp_path: Path) -> None:
    """A divisor of zero on the way would be all that is found, and the engine refuses it."""
    turn = nearest(tmp_path, {"x": 1, "y": 1}, {"a": "x / (y - 0.99) >= -5 and x / (y - 0.99) <= -1"}, among=["y"])
    assert turn is not None
    assert ({"y": (1, 0.79)}, "a", True) == (turn.changes, turn.record.branch, turn.proven)


def test_an_unknown_branch_before_one_that_does_the_same_is_in_nobodys_way(tmp_path: Path) -> None:
    """What the engine decides would be thought undetermined, and something farther off be named."""
    folder = write_book(tmp_path, Case(name="same", inputs={"x": RATIO, "y": RATIO}, branches={"a": "x / y >= 1", "b": "y <= 0"}, policy="first"))
    (folder / "node.yaml").write_text(
        (folder / "node.yaml").read_text("utf-8").replace("action: do_b", "action: do_a").replace(", do_b: {text: do b}", ""), "utf-8"
    )
    engine = Engine.load(folder)
    turn = nearest_change(engine, engine.decide("node", {"x": 0, "y": 1}, at=AT), among=["y"])
    assert turn is not None
    assert ({"y": (1, 0)}, "b", True) == (turn.changes, turn.record.branch, turn.proven)


def test_a_known_value_is_not_taken_away(tmp_path: Path) -> None:
    """A change would be to know less, where a condition has another value for what is missing."""
    assert nearest(tmp_path, {"x": 0, "y": 0}, {"a": "coalesce(x, 5) >= 1"}, among=["y"]) is None


@pytest.mark.parametrize(("now", "to"), [(4, 5), (3, 5), (3.5, 5)])
def test_what_is_counted_changes_by_whole_things(tmp_path: Path, now: float, to: int) -> None:
    """A count of 4.00000006 would be proposed."""
    turn = nearest(tmp_path, {"x": now}, {"a": "x > 4"}, inputs={"x": COUNT})
    assert turn is not None
    assert ({"x": (now, to)}, True) == (turn.changes, turn.proven)


def test_what_a_failed_test_blocks_stays_blocked(tmp_path: Path) -> None:
    """A change of x would be promised, though the decision stays blocked whatever x is."""
    assert nearest(tmp_path, {"x": 0, "y": Unknown.because(Reason.BLOCKED, "y", "a test failed")}, {"a": "x >= 1"}) is None


def test_what_a_function_refuses_is_looked_for_farther_out(tmp_path: Path) -> None:
    """The solver, which does not know what the function gives, would name the point itself, and the time would be called up at once."""
    engine = calling(tmp_path, "truth", "f(sales) and sales > floor", lambda sales: sales >= 50)
    record = engine.decide("budget", {"sales": 6, "deal_size": 100, "slo_green": True}, at=AT)
    turn = nearest_change(engine, record, outcome="act")
    assert turn is not None
    assert ("act", False) == (turn.record.outcome.value, turn.proven)
    assert turn.changes["sales"][1] >= 50


def test_what_no_time_would_tell_is_not_called_late(tmp_path: Path) -> None:
    """People would give more seconds for what only the function knows."""
    engine = calling(tmp_path, "truth", "f(sales) and sales > floor", lambda _: False)
    record = engine.decide("budget", {"sales": 6, "deal_size": 100, "slo_green": True}, at=AT)
    with pytest.raises(DecisionOSError, match=r"does not know what a Python function gives; more time would not help"):
        nearest_change(engine, record, outcome="act", seconds=60)


def test_a_record_of_other_rules_and_a_name_that_is_no_input_are_refused(tmp_path: Path) -> None:
    """An empty change, or none, would pass for an answer."""
    case = Case(name="", inputs={"x": ("ratio", "[-100, 100]")}, branches={"a": "x >= 1"})
    old, new = edited(tmp_path / "old", case), edited(tmp_path / "new", case, ("x >= 1", "x >= 2"))
    record = old.decide("node", {"x": 1.5}, at=AT)
    with pytest.raises(InputError, match="these rules are others"):
        nearest_change(new, record)
    with pytest.raises(InputError, match="reads no input `y`"):
        nearest_change(old, record, among=["y"])


# ── what may move ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = Case(
    name="kinds",
    inputs={"seats": COUNT, "won": FLAG, "stage": TEXT, "share": SHARE},
    checks={"trusted": "won"},
    branches={"grow": "seats >= 4 and stage in {'pilot', 'live'}", "cut": "share < 10% and stage != 'live'"},
    policy="first",
)
START = {"seats": 2, "won": True, "stage": "lost", "share": 0.5}


def turned(folder: Path, values: Mapping[str, Any] | None = None, **asked: Any) -> Turn | None:
    """The nearest change of what the rule book of all kinds decides."""
    engine = book(folder, KINDS)
    return nearest_change(engine, engine.decide("node", {**START, **(values or {})}, at=AT), **asked)


def told(turn: Turn | None) -> tuple[dict[str, Any], str | None, bool]:
    """What it goes to, the branch taken then, and whether it is proven."""
    assert turn is not None
    return {name: new for name, (_, new) in turn.changes.items()}, turn.record.branch, turn.proven


def test_a_truth_moves_by_one_step(tmp_path: Path) -> None:
    """What a pre-check blocks would be said to be beyond change, though one turn of it decides otherwise."""
    turn = turned(tmp_path, {"won": False})
    assert ({"won": True}, None, True) == told(turn)
    assert turn is not None
    assert (1.0, "won from false to true: hold") == (turn.distance, str(turn))


def test_a_text_moves_to_one_that_the_rules_name(tmp_path: Path) -> None:
    """The number would be moved by fifty steps, where another stage does it in one."""
    changes, branch, proven = told(turned(tmp_path, {"seats": 9}, outcome="act"))
    assert ({"stage"}, "grow", True) == (set(changes), branch, proven)
    assert changes["stage"] in ("pilot", "live")


def test_a_text_moves_to_one_that_no_rule_names(tmp_path: Path) -> None:
    """Where each text that the rules name decides the same, `any other` would be forgotten."""
    changes, branch, proven = told(turned(tmp_path, {"seats": 2, "stage": "live", "share": 0.05}, outcome="act"))
    assert ({"stage"}, "cut", True) == (set(changes), branch, proven)
    assert "live" != changes["stage"]


def test_several_kinds_move_together(tmp_path: Path) -> None:
    """What takes a truth, a text and a number would be called impossible."""
    changes, branch, proven = told(turned(tmp_path, {"won": False}, action="grow"))
    assert ({"seats": 4, "won": True, "stage": changes["stage"]}, "grow", True) == (changes, branch, proven)
    assert turned(tmp_path, {"won": False}, action="grow", at_most=2) is None


def test_what_is_unknown_gets_a_value_where_it_is_needed(tmp_path: Path) -> None:
    """An undetermined record would be said to wait for nothing."""
    changes, branch, proven = told(turned(tmp_path, {"share": None}, outcome="act"))
    assert ({"share"}, "cut", True) == (set(changes), branch, proven)
    assert 0 <= changes["share"] < 0.1
    assert str(turned(tmp_path, {"won": None})).startswith("won from unknown to true: hold")


def test_unknown_inputs_that_do_not_matter_stay_unknown(engine: dos.Engine) -> None:
    """A value nobody has would be made up to change the outcome."""
    record = engine.decide("channel.invest", {**CHANNEL, "win_rate": None, "win_rate_baseline": 0.2}, at=AT)
    assert "hold" == record.outcome
    turn = nearest_change(engine, record, outcome="act")
    assert turn is not None
    assert "win_rate" not in turn.changes


def test_a_strict_bound_is_passed_by_what_people_count(tmp_path: Path) -> None:
    """A share of 0.500000015 would be proposed, and not be proven to be the nearest."""
    engine = book(tmp_path, Case(name="strict", inputs={"x": SHARE, "cost": MONEY}, branches={"a": "x > 50% or cost > $300"}))
    turn = nearest_change(engine, engine.decide("node", {"x": 0.5, "cost": 0}, at=AT))
    assert ({"x": 0.5001}, "a", True) == told(turn)
    turn = nearest_change(engine, engine.decide("node", {"x": 0, "cost": 300}, at=AT))
    assert ({"cost": 300.01}, "a", True) == told(turn)


def test_a_number_has_no_more_digits_than_its_metric_says(tmp_path: Path) -> None:
    """A change would be proposed that no reading of the metric can show."""
    engine = book(tmp_path, Case(name="digits", inputs={"x": ("ratio, precision: 1", "[0, 10]")}, branches={"a": "x > 2.25"}))
    assert ({"x": 2.3}, "a", True) == told(nearest_change(engine, engine.decide("node", {"x": 2}, at=AT)))


def test_a_text_at_one_of_several_keys_moves_alone(tmp_path: Path) -> None:
    """All of them would move, or none."""
    folder = write_book(tmp_path, Case(name="keys", inputs={"x": RATIO}, branches={"a": "x >= 1"}, policy="first"))
    metrics = (folder / "metrics.yaml").read_text("utf-8").replace("grain: [month]", "grain: [segment, month]")
    (folder / "metrics.yaml").write_text(metrics, "utf-8")
    node = (folder / "node.yaml").read_text("utf-8").replace("inputs: {x: x}", "inputs: {x: {metric: x, combine: all, by: [segment]}}")
    (folder / "node.yaml").write_text(node, "utf-8")
    engine = Engine.load(folder)
    turn = nearest_change(engine, engine.decide("node", {"x": {"SMB": 2, "MM": 0.5, "ENT": 3}}, at=AT))
    assert ({"x@MM": 1}, "a", True) == told(turn)


# ── what is asked for ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_outcome_may_be_asked_for(engine: dos.Engine) -> None:
    """Who wants to invest would be told how to have it blocked, which is nearer."""
    record = engine.decide("channel.invest", {**CHANNEL, "attribution_validity": 1.0, "attribution_validity_overall": 0.996}, at=AT)
    nearest, act, blocked = (nearest_change(engine, record, outcome=outcome) for outcome in (None, "act", "blocked"))
    assert nearest is not None
    assert act is not None
    assert blocked is not None
    assert ("blocked", "blocked", "act") == (nearest.record.outcome, blocked.record.outcome, act.record.outcome)
    assert nearest.distance == blocked.distance < act.distance


@pytest.mark.parametrize("action", ["shift_budget", "+20% budget", "invest"])
def test_the_action_may_be_asked_for(engine: dos.Engine, action: str) -> None:
    """Pausing is nearer than investing, and is not what was asked."""
    record = engine.decide("channel.invest", CHANNEL, at=AT)
    assert ({"cac_per_sqo": 90}, "invest", True) == told(nearest_change(engine, record, action=action))


def test_what_is_so_already_takes_no_change(engine: dos.Engine) -> None:
    """Nothing would read as `no change does it`."""
    record = engine.decide("channel.invest", {**CHANNEL, "cac_per_sqo": 80}, at=AT)
    turn = nearest_change(engine, record, outcome="act")
    assert turn is not None
    assert ({}, 0.0, "as it is: act (+20% budget)") == (turn.changes, turn.distance, str(turn))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"outcome": "invest"}, "no change is looked for that comes to 'invest'"),
        ({"outcome": "undetermined"}, "no change is looked for that comes to 'undetermined'"),
        ({"action": "shift_budgt"}, r"takes no action 'shift_budgt' \(did you mean `shift_budget`"),
        ({"action": "invest", "outcome": "hold"}, "`action` names one"),
        ({"among": ["cac"]}, "reads no input `cac`"),
        ({"among": []}, "`among` is a list of inputs"),
        ({"among": "cac_per_sqo"}, r"as in `among=\[\"cac_per_sqo\"\]`"),
        ({"at_most": 0}, "`at_most` is how many inputs may move at once, not 0"),
        ({"at_most": -1}, "`at_most` is how many inputs may move at once, not -1"),
        ({"at_most": "two"}, "`at_most` is how many inputs may move at once, not 'two'"),
        ({"seconds": float("nan")}, "`seconds` is a number from 0 to"),
    ],
)
def test_what_fits_nothing_is_refused(engine: dos.Engine, asked: dict[str, Any], said: str) -> None:
    """It would read as `nothing can change it`."""
    record = engine.decide("channel.invest", CHANNEL, at=AT)
    with pytest.raises(InputError, match=said):
        nearest_change(engine, record, **asked)


@pytest.mark.parametrize("given", ["x", None, {"node": "channel.invest"}])
def test_what_is_no_record_is_refused(engine: dos.Engine, given: Any) -> None:
    """An attribute that is not there would be missed somewhere inside."""
    with pytest.raises(InputError, match=f"takes an engine and a record that it decided, not a {type(given).__name__}"):
        nearest_change(engine, given)


# ── beside all there are ─────────────────────────────────────────────────────────────────────────────────────────────────────────

GRID: Mapping[str, tuple[Any, ...]] = {
    "seats": tuple(range(8)),
    "won": (False, True),
    "stage": ("pilot", "live", "lost", "other"),
    "share": (0.05, 0.0999, 0.1, 0.5),
}
"""Every way the rule book of all kinds can decide is reached from some of these, by the shortest change."""


def steps(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """How far one set of values is from another, counted by hand."""
    share = abs(new["share"] - old["share"]) * 100
    return float(abs(new["seats"] - old["seats"]) + (new["won"] != old["won"]) + (new["stage"] != old["stage"]) + share)


def every() -> Iterator[dict[str, Any]]:
    """Every set of values of the grid."""
    return (dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values()))


def test_no_other_change_is_nearer(tmp_path: Path) -> None:
    """Against all changes of a grid that holds each edge: what is found is as near."""
    engine = book(tmp_path, KINDS)
    decided = [(values, engine.decide("node", values, at=AT)) for values in every()]
    for values, record in decided[::17]:
        others = [(steps(values, new), made) for new, made in decided if (made.outcome, made.branch) != (record.outcome, record.branch)]
        best = min(distance for distance, _ in others)
        turn = nearest_change(engine, record)
        assert turn is not None
        assert turn.proven
        new = {**values, **{name: to for name, (_, to) in turn.changes.items()}}
        assert (record.outcome, record.branch) != (turn.record.outcome, turn.record.branch)
        assert steps(values, new) == pytest.approx(turn.distance)
        assert turn.distance == pytest.approx(best, rel=0.01)
