"""The benchmarks measure what they say they do: the contenders answer alike, and the arithmetic is right. No time is asserted."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import decision_os as dos
from benchmarks.books import write_book
from benchmarks.cases import Case, cases, clear, five
from benchmarks.dataframes import on_engines
from benchmarks.frames import GIVEN, polars_by_hand, polars_with_unknowns, sample
from benchmarks.frames import contenders as on_frames
from benchmarks.peers import AT, HAND, SIMPLEEVAL, ZEN, Evaluator, deciders, missing_packages, rule_evaluators
from benchmarks.report import GOALS, goals, page, table
from benchmarks.suites import Table, tables
from benchmarks.timing import Contender, Timing, race, span
from decision_os.frames import ADDED
from tests.engines import taken

ENGINE = dos.Engine.load(dos.reference_rules())
COMPLETE = [case for case in cases() if case.complete]


def _comparisons(values: dict[str, Any], number: Callable[[str], Any]) -> list[bool]:
    read = {name: number(str(value)) for name, value in five(values).items()}
    return [
        read["cac_per_sqo"] >= read["cac_per_sqo_baseline"] * number("1.2"),
        read["cac_per_sqo"] <= read["cac_per_sqo_baseline"] * number("0.9"),
        read["win_rate"] >= read["win_rate_baseline"] + number("0.02"),
    ]


def _floats_mislead(values: dict[str, Any]) -> bool:
    """Whether floats answer a comparison otherwise than the same numbers do on paper."""
    return _comparisons(values, float) != _comparisons(values, Fraction)


@pytest.mark.parametrize("evaluator", [pytest.param(one, id=one.name) for one in deciders(ENGINE)])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in COMPLETE])
def test_every_contender_answers_as_the_rules_must(evaluator: Evaluator, case: Case) -> None:
    """A peer would be timed on other rules than ours; one that computes in floats may differ only where floats themselves mislead."""
    agrees = case.answer == evaluator.answer(case.values)
    assert agrees or (not evaluator.decimal and _floats_mislead(case.values))


@pytest.mark.parametrize("package", ["zen-engine", "rule-engine"])
def test_the_peers_of_the_extra_take_part(package: str) -> None:
    """A peer that is installed would be left out of the tables without a word."""
    if package in missing_packages():
        pytest.skip(f"{package} is not installed (the extra `bench` brings it)")
    for evaluators in (deciders(ENGINE), rule_evaluators()):
        assert any(one.name.startswith(package) for one in evaluators)


def test_the_two_rules_are_the_decision_without_its_pre_checks() -> None:
    """The table of the two rules would time other rules than the table of decisions."""
    pairs = list(zip(deciders(ENGINE)[:2], rule_evaluators()[:2], strict=True))
    for case in COMPLETE:
        if case.answer == "blocked":
            continue
        for whole, alone in pairs:
            assert whole.answer(case.values) == alone.answer(five(case.values))


def test_the_case_that_is_timed_looks_at_every_rule_and_acts() -> None:
    """A peer could be timed on a way out that is shorter than ours, or on a boundary where answers differ."""
    assert not _floats_mislead(clear())
    for one in (*deciders(ENGINE), *rule_evaluators()):
        assert "+20% budget" == one.answer(clear())


def test_a_missing_value_is_reported_and_does_not_end_the_run() -> None:
    """What a peer does with a missing win rate would stop the benchmark instead of standing in its table."""
    answers = {one.name: one.answer({**clear(), "win_rate": None}) for one in deciders(ENGINE)}
    assert "undetermined" == answers["Decision OS, `Engine.decide`"]
    assert "raises TypeError" == answers[HAND] == answers[SIMPLEEVAL]


def test_the_frames_by_hand_decide_as_ours_does() -> None:
    """The expressions written by hand would be another computation than the one they are compared with."""
    frame = sample(5_000)
    ours = ENGINE.decide_frame("channel.invest", frame, given=GIVEN)
    added = ["outcome", "action", "branch", "unknowns"]
    assert {"act", "hold", "undetermined"} == set(ours["outcome"])
    assert ours.select(added).equals(polars_with_unknowns(frame).select(added))
    known = ours["outcome"] != "undetermined"
    assert ours.filter(known).select(added[:2]).equals(polars_by_hand(frame).filter(known).select(added[:2]))
    by_name: dict[str, Any] = {one.name: one.call(one.argument) for one in on_frames(ENGINE, 5_000)}
    pandas, by_hand = by_name["Decision OS on pandas"], by_name["pandas by hand"]
    assert list(ours["outcome"]) == list(pandas["outcome"])
    assert list(ours["outcome"].replace("undetermined", "hold")) == list(by_hand["outcome"])
    assert list(ours["action"]) == [text if isinstance(text, str) else None for text in by_hand["action"]]


class _Clock:
    """A clock that only the contenders move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def contender(self, name: str, *seconds: float) -> Contender:
        """Takes each of these times in turn, over and over."""
        calls = 0

        def call(_: object) -> None:
            nonlocal calls
            self.now += seconds[calls % len(seconds)]
            calls += 1

        return Contender(name, "nothing", call, None)


def test_a_turn_is_divided_by_its_calls() -> None:
    """The time of a whole turn would be printed as that of one call."""
    clock = _Clock()
    fast, slow = race([clock.contender("fast", 0.25), clock.contender("slow", 2.0)], rounds=5, batch=1.0, clock=clock)
    assert ((0.25,) * 5, (2.0,) * 5) == (fast.rounds, slow.rounds)
    assert (0.25, 2.0, 8.0, 0.125) == (fast.median, slow.median, slow.times(fast), fast.times(slow))


def test_a_slow_first_call_does_not_shorten_the_turns() -> None:
    """What is built at the first call would leave turns of a single call, which time the clock and cold caches."""
    clock = _Clock()
    contender = clock.contender("builds first", 5.0, *[0.25] * 10_000)
    (timing,) = race([contender], rounds=3, batch=1.0, clock=clock)
    assert 2 + 2 * 4 + 3 * 4 == (clock.now - 5.0) / 0.25 + 1, "turns of four calls, after two of one"
    assert (0.25,) * 3 == timing.rounds


def test_every_contender_has_one_turn_a_round() -> None:
    """A contender would be timed more often, or all at once, and a busy moment would fall on it alone."""
    turns: list[str] = []
    clock = _Clock()

    def contender(name: str) -> Contender:
        def call(_: object) -> None:
            turns.append(name)
            clock.now += 1.0

        return Contender(name, "nothing", call, None)

    race([contender("a"), contender("b"), contender("c")], rounds=6, batch=1.0, clock=clock)
    warm_up, timed = turns[:6], turns[6:]
    rounds = [timed[place : place + 3] for place in range(0, 18, 3)]
    assert ["a", "a", "b", "b", "c", "c"] == warm_up
    assert all(["a", "b", "c"] == sorted(one) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1, "the order never changes"


def test_median_and_quartiles() -> None:
    """The middle and the spread of a row would be wrong; one bad round must not move the median."""
    timing = Timing(Contender("a", "nothing", len, ()), (5.0, 1.0, 3.0, 2.0, 400.0))
    assert (3.0, (2.0, 5.0)) == (timing.median, timing.quartiles)
    assert (7.0, 7.0) == Timing(timing.contender, (7.0,)).quartiles


@pytest.mark.parametrize(("seconds", "text"), [(3.1e-7, "0.310 µs"), (2.9e-6, "2.90 µs"), (2.3e-4, "230 µs"), (0.0143, "14.3 ms"), (1.0, "1.00 s")])
def test_spans_are_shown_in_the_unit_that_suits_them(seconds: float, text: str) -> None:
    """A time would be read as a thousand times what it is."""
    assert text == span(seconds)


def _table(title: str, **seconds: float) -> Table:
    return Table(title=title, about="", timings=tuple(Timing(Contender(name, "a | b", len, ()), (time,)) for name, time in seconds.items()))


def test_a_goal_is_reached_on_its_own_side_of_the_bound() -> None:
    """A ratio that misses its goal would be shown as reached, or one that could not be measured as missed."""
    ours, theirs = "Decision OS, `Expression.evaluate`", "Decision OS, `Engine.decide`"
    rules = _table("The two rules alone", **{ours: 2.0, HAND: 1.0, SIMPLEEVAL: 15.0, ZEN: 6.0})
    lines = goals([rules, _table("One decision", **{theirs: 1.0})]).splitlines()
    shown = {goal.text: line for goal, line in zip(GOALS, lines[4:], strict=True)}
    assert ["at most 2.5 | 2.00 | yes", "at least 3 | 3.00 | yes", "at least 8 | 7.50 | **no**"] == [
        line.strip("| ").split(" | ", 1)[1] for line in list(shown.values())[:3]
    ]
    assert all("not measured" in line for line in list(shown.values())[3:])


def test_seconds_are_a_goal_too() -> None:
    """A load that takes too long, or grows faster than the rule book, would be shown as reached."""
    lines = goals([_table("Loading a large rule book", **{"100 playbooks": 0.15, "1,000 playbooks": 1.5, "10,000 playbooks": 18.0})]).splitlines()
    shown = {goal.text: line.strip("| ").split(" | ", 1)[1] for goal, line in zip(GOALS, lines[4:], strict=True)}
    assert ["at most 2 | 1.50 | yes", "at most 11 | 10.0 | yes", "at most 11 | 12.0 | **no**"] == list(shown.values())[-3:]


def test_the_time_of_a_batch_is_that_of_one() -> None:
    """A batch would be printed as one decision that takes a thousand times as long."""
    clock = _Clock()
    (timing,) = race([attrs.evolve(clock.contender("batch", 2.0), each=8)], rounds=2, batch=1.0, clock=clock)
    assert (0.25, 0.25) == timing.rounds


def test_a_large_rule_book_is_a_sound_one_and_the_same_each_time(tmp_path: Path) -> None:
    """What is timed would be the reporting of mistakes, or another rule book in every run."""
    for folder in ("one", "other"):
        write_book(tmp_path / folder, 20)
    engine, again = (dos.Engine.load(tmp_path / folder) for folder in ("one", "other"))
    assert 20 == len(engine.nodes)
    assert engine.book.hash == again.book.hash
    assert not [issue for issue in engine.issues if issue.severity is dos.Severity.WARNING]
    record = engine.decide(engine.nodes[0], {"cost": 50.0, "cost_baseline": 100.0, "rate": 0.5, "rate_baseline": 0.3, "validity": 1.0, "spend": 10.0,
                                             "low_rate": False, "clicks_per_cost": 20.0, "slo_green": True}, at=AT)  # fmt: skip
    assert dos.Outcome.ACT == record.outcome, record.explain()


def test_a_row_is_compared_with_the_first_of_its_table() -> None:
    """The ratios of a table would be upside down, or a bar in a cell would break it."""
    assert "| b | a \\| b | 3.00 s | 3.00 s – 3.00 s | 1.50 |" == table(_table("A", a=2.0, b=3.0)).splitlines()[-1]


def test_the_page_has_every_row() -> None:
    """The run would fail, or the page in the documentation would show another set of rows than the harness times."""
    found = list(tables(rounds=1, rows=1_000, books=(100,)))
    text = page(found, rounds=1)
    written = (Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    for one in found:
        assert f"## {one.title}\n" in text
        assert f"## {one.title}\n" in written
        for timing in one.timings:
            row = f"| {timing.contender.name} | {timing.contender.gives.replace('|', chr(92) + '|')} |"
            assert row in text
            assert row in written


@pytest.mark.parametrize("name", ["Polars", "Polars, lazy", "DuckDB", "pandas", "PyArrow"])
def test_what_is_written_by_hand_on_an_engine_is_the_same_rules(name: str) -> None:
    """The engines would be timed on other rules than ours, or on fewer columns."""
    frame = sample(2_000).with_columns(pl.col("win_rate").fill_null(0.3))
    hand, ours = (taken(one.call(one.argument), [*frame.columns, *ADDED]) for one in on_engines(ENGINE, frame)[name])
    assert sorted(hand, key=repr) == sorted(ours, key=repr)
