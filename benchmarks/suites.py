"""What is raced against what: seven tables."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import yaml

import decision_os as dos
from benchmarks import frames
from benchmarks.books import load_apart
from benchmarks.cases import NODE, at_the_boundary, cases, clear, five, without_win_rate
from benchmarks.peers import AT, HAND, ZEN_STATIC, Evaluator, deciders, rule_evaluators
from benchmarks.timing import Contender, Timing, race, span

__all__ = ["BOOKS", "MANY", "ONE_BY_ONE", "Table", "tables"]

MANY, ONE_BY_ONE = "`Engine.decide_many`", "`Engine.decide`, one by one"
BOOKS = (100, 1_000, 10_000)
_BATCH = 1_000


@attrs.frozen(kw_only=True)
class Table:
    """One race: the first row is the one that the others are compared with. `notes` are further cells, by the contender's name."""

    title: str
    about: str
    timings: tuple[Timing, ...]
    notes: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    note_titles: tuple[str, ...] = ()

    @property
    def base(self) -> Timing:
        return self.timings[0]

    def find(self, name: str) -> Timing | None:
        """The timing of a contender; nothing where its package is not installed."""
        return next((timing for timing in self.timings if timing.contender.name == name), None)


def tables(*, rounds: int, rows: int, books: Sequence[int] = BOOKS) -> Iterator[Table]:
    """Each table as it is finished. `books` are the sizes of the rule books that are loaded."""
    engine = dos.Engine.load(dos.reference_rules())
    yield _decision(engine, rounds)
    yield _many(engine, max(rounds // 4, 1))
    yield _two_rules(rounds)
    yield _record(engine, rounds)
    yield from _ledger(engine, rounds, rows)
    yield _columns(engine, max(rounds // 20, 1), rows)
    yield _loading(max(rounds // 20, 1))
    yield _large_books(max(min(rounds // 20, 3), 1), books)


def _decision(engine: dos.Engine, rounds: int) -> Table:
    evaluators = deciders(engine)
    asked = [case for case in cases() if case.complete]
    agree = {one.name: sum(case.answer == one.answer(case.values) for case in asked) for one in evaluators}
    contenders = [_contender(one, clear()) for one in evaluators]
    later = Contender("the same, at a new instant each time", contenders[0].gives, _deciding_later(engine), clear())
    return Table(
        title="One decision",
        about="`channel.invest` for one channel, clear of every boundary: nine inputs in a dict; two pre-checks, pause, invest, otherwise hold; it acts. Ours "
        "reads all nine, hashes them, and makes the record with its owner, approvers, reversal plan, monitoring and review date; the "
        "peers give back a word. Decided at one instant, as a job does that decides for many subjects, and at a new one each time. "
        "*Agrees* counts the complete cases of `rules/cases.yaml` answered as the reference rules must answer them.",
        timings=tuple(race([contenders[0], later, *contenders[1:]], rounds=rounds)),
        note_titles=("agrees", "win rate missing"),
        notes={one.name: (f"{agree[one.name]} of {len(asked)}", one.answer(without_win_rate())) for one in evaluators},
    )


def _deciding_later(engine: dos.Engine) -> Callable[[Mapping[str, Any]], dos.DecisionRecord]:
    """Decides a minute later at each call, so that nothing can be kept from the last one."""
    minutes = count(1)
    return lambda values: engine.decide(NODE, values, at=AT + dt.timedelta(minutes=next(minutes)), subject="Paid search")


def _many(engine: dos.Engine, rounds: int) -> Table:
    """A batch of channels, each with other numbers, all clear of every boundary."""
    usual = clear()
    batch = [{**usual, "channel": f"channel {place}", "cac_per_sqo": usual["cac_per_sqo"] + place / 1_000} for place in range(_BATCH)]
    ours = "typed, hashed records, in a list"

    def one_by_one(rows: Sequence[Mapping[str, Any]]) -> list[dos.DecisionRecord]:
        return [engine.decide(NODE, row, at=AT) for row in rows]

    contenders = [
        Contender(MANY, ours, lambda rows: engine.decide_many(NODE, rows, at=AT), batch, each=_BATCH),
        Contender(ONE_BY_ONE, ours, one_by_one, batch, each=_BATCH),
    ]
    contenders += [
        attrs.evolve(_contender(one, usual), call=_each_by(one.run), argument=batch, each=_BATCH) for one in deciders(engine) if one.name in (HAND, ZEN_STATIC)
    ]
    return Table(
        title="Many decisions",
        about=f"{_BATCH:,} channels, each in a dict of its own with other numbers: the time of one. The records of both ways are equal, and both are kept in a "
        "list, as those are who store them; the search for garbage among what is kept is part of the time. A batch shares what its records share: the instant "
        "and what follows from it, the choice, the rules. What is left is each row's own, and nearly all of the time of either way: its inputs settled, listed "
        "and hashed, its conditions, its identity, its actions and effects. A third of the cost would be to leave some of these out, or put off their making.",
        timings=tuple(race(contenders, rounds=rounds)),
    )


def _each_by(run: Callable[[dict[str, Any]], Any]) -> Callable[[Sequence[dict[str, Any]]], list[Any]]:
    return lambda rows: [run(row) for row in rows]


def _two_rules(rounds: int) -> Table:
    evaluators = rule_evaluators()
    contenders = [_contender(one, five(clear())) for one in evaluators]
    boundary = attrs.evolve(contenders[0], name="the same, exactly at a boundary", argument=five(at_the_boundary()))
    return Table(
        title="The two rules alone",
        about="Pause, invest, otherwise hold: five numbers in a dict, the action out. Exactly at a boundary (CAC/SQO is 0.9 × baseline and the win "
        "rate is baseline + 2pp) ours leaves the fast path and settles the comparison by its rounding bound.",
        timings=tuple(race([contenders[0], boundary, *contenders[1:]], rounds=rounds)),
        note_titles=("at the boundary", "win rate missing"),
        notes={one.name: (one.answer(five(at_the_boundary())), one.answer(five(without_win_rate()))) for one in evaluators},
    )


def _record(engine: dos.Engine, rounds: int) -> Table:
    values = clear()
    loaded = AT - dt.timedelta(hours=1)
    readings = {name: value if name == "slo_green" else dos.Reading(value=value, loaded_at=loaded, n=400) for name, value in values.items()}
    record = engine.decide(NODE, values, at=AT, subject="Paid search")

    def decide(given: Mapping[str, Any]) -> dos.DecisionRecord:
        return engine.decide(NODE, given, at=AT, subject="Paid search")

    contenders = [
        Contender("`Engine.decide`, acts", "the record", decide, values),
        Contender("on `Reading`s, fresh and of n = 400", "the record", decide, readings),
        Contender("acts, exactly at a boundary", "the record", decide, at_the_boundary()),
        Contender("holds", "the record", decide, {**values, "cac_per_sqo": 105.0}),
        Contender("blocked by a pre-check", "the record", decide, {**values, "slo_green": False}),
        Contender("undetermined, the win rate is missing", "the record", decide, without_win_rate()),
        Contender("decide, then `explain()`", "the record and its explanation", lambda given: decide(given).explain(), values),
        Contender("`explain()` once more", "the explanation", dos.DecisionRecord.explain, record),
        Contender("decide, then `to_json()`", "the full form, evidence included", lambda given: decide(given).to_json(), values),
        Contender("`log_entry()`", "the log form", dos.DecisionRecord.log_entry, record),
    ]
    return Table(
        title="What a record costs",
        about="`Engine.decide` by what it comes to, and what is asked of the record afterwards. Evidence (every condition traced) is worked out when it is "
        "first asked for, and kept.",
        timings=tuple(race(contenders, rounds=rounds)),
    )


def _ledger(engine: dos.Engine, rounds: int, rows: int) -> Iterator[Table]:
    from benchmarks import ledger

    record = engine.decide(NODE, clear(), at=AT, subject="Paid search")
    record.to_dict()  # the evidence is worked out once and kept: not what is timed here
    with tempfile.TemporaryDirectory() as name, ledger.appending(Path(name), record) as contenders:
        appended = race(contenders, rounds=rounds)
    yield Table(
        title="Appending to a ledger",
        about="An event of five texts, appended at each durability: `none` is with the operating system, `flush` waits for the data to be on the device, "
        "`fsync` for the metadata too. What waiting costs is the device's affair: these are the temporary folder's.",
        timings=tuple(appended),
        note_titles=("entries a second",),
        notes={one.contender.name: (ledger.each_second(one),) for one in appended},
    )
    with tempfile.TemporaryDirectory() as name:
        verified = race(ledger.verifying(Path(name), rows), rounds=max(rounds // 20, 1))
        notes = {one.contender.name: (ledger.megabytes_a_second(one),) for one in verified}
    yield Table(
        title="Verifying a ledger",
        about=f"`Ledger.verify` on files of {rows // 100:,}, {rows // 10:,} and {rows:,} such events, in a twentieth of the rounds: each line's hash and "
        "place. It is linear where each row takes ten times as long as the one before.",
        timings=tuple(verified),
        note_titles=("MB/s",),
        notes=notes,
    )


def _columns(engine: dos.Engine, rounds: int, rows: int) -> Table:
    return Table(
        title="A frame",
        about=f"`Engine.decide_frame` on {rows:,} rows of five float64 columns, one win rate in a hundred missing; the pre-checks' two "
        "inputs are given for all rows. By hand: the two rules in the engine's own expressions, without pre-checks. Making the frame is not timed.",
        timings=tuple(race(frames.contenders(engine, rows), rounds=rounds)),
    )


def _loading(rounds: int) -> Table:
    folder = dos.reference_rules()
    files = sorted(folder.rglob("*.yaml"))
    engine = dos.Engine.load(folder)
    contenders = [
        Contender("`Engine.load`", "checked, linted, resolved", dos.Engine.load, folder),
        Contender("PyYAML alone on the same files, by the same loader", "dicts, unchecked", _parse, files),
    ]
    return Table(
        title="Loading",
        about=f"The reference rule book ({len(engine.book.playbooks)} playbooks, {len(engine.book.metrics)} metrics, "
        f"{len(engine.book.entities)} entities) from {len(files)} files.",
        timings=tuple(race(contenders, rounds=rounds)),
    )


def _large_books(runs: int, books: Sequence[int]) -> Table:
    """In processes of their own, since peak memory is asked for; so they take no turns."""
    timings, notes = [], {}
    for size in books:
        found = [load_apart(size) for _ in range(runs)]
        contender = Contender(f"{size:,} playbooks", "checked, linted, resolved", load_apart, size)
        timing = Timing(contender, tuple(one.seconds for one in found))
        timings.append(timing)
        before, peak = found[0].memory_before, max(one.memory for one in found)
        notes[contender.name] = (span(timing.median / size), f"{peak:.0f} MiB", f"{before:.0f} MiB")
    return Table(
        title="Loading a large rule book",
        about="`Engine.load` on seeded rule books of playbooks with eight inputs, five thresholds, two pre-checks, two branches and a lever each, ten to a "
        "team with fourteen metrics, two files a team (`benchmarks/books.py`). Each in a fresh process that has loaded the reference rules before; *peak* is "
        "the most memory that process ever held, *before* what it held before the load, interpreter and library included.",
        timings=tuple(timings),
        note_titles=("a playbook", "peak", "before"),
        notes=notes,
    )


def _parse(files: Sequence[Path]) -> list[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in files]


def _contender(one: Evaluator, values: Mapping[str, Any]) -> Contender:
    run: Callable[[Any], object] = one.run
    return Contender(one.name, one.gives, run, values)
