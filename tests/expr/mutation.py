"""How many small mistakes in `decision_os.expr` its tests notice: mutmut makes the mistakes, forked processes run the tests over them.

`make mutate` writes what it found to `docs/reference/mutation.md`; `.mutation/outcomes.json` keeps it, so that a later run asks only about what has changed
or survived. The tests are collected once. For each mistake a fork of that process puts the mistaken code in place of the sound one and runs the tests that
reach it: those first that noticed a mistake in the same function before, then the quickest. A test that fails, or takes twenty times as long, notices.
"""

from __future__ import annotations

import argparse
import cProfile
import difflib
import gc
import hashlib
import importlib
import inspect
import json
import math
import os
import resource
import signal
import sys
import textwrap
import time
import types
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

ROOT: Final = Path(__file__).parents[2]
ROOM: Final = ROOT / "decision_os" / "expr"
KEPT: Final = ROOT / ".mutation" / "outcomes.json"
SURVEY: Final = ROOT / ".mutation" / "survey.json"
MEMORY: Final = 6 << 30
"""Bytes of addresses that a mistaken process may take: the libraries alone take some two gigabytes of them."""
SLOWEST: Final = 4.0
"""Seconds of CPU: tests that take longer are left out, so that a mistake they alone notice counts as one that survives."""

ALIVE: Final = "survives"


@attrs.frozen
class Mutant:
    """One mistake in one function."""

    module: str
    function: str
    """Its name within the module, as `Class.method` for a method."""
    number: int
    text: str
    """The mistaken function."""
    sound: str
    """The function as it should be."""

    @property
    def key(self) -> str:
        """Names the mistake, and changes where the function or the mistake does."""
        digest = hashlib.sha256(f"{self.sound}\0{self.text}".encode()).hexdigest()[:12]
        return f"{self.module}.{self.function} {digest}"

    @property
    def change(self) -> tuple[int, str, str]:
        """The line within the function, counted from 1, the sound words and the mistaken ones."""
        sound, mistaken = self.sound.splitlines(), self.text.splitlines()
        for tag, a, b, c, d in difflib.SequenceMatcher(None, sound, mistaken, autojunk=False).get_opcodes():
            if tag != "equal":
                return a + 1, " ".join(map(str.strip, sound[a:b])), " ".join(map(str.strip, mistaken[c:d]))
        return 1, "", ""

    def install(self) -> None:
        """Put the mistake in place of the sound code, in this process."""
        module = importlib.import_module(f"decision_os.expr.{self.module}")
        place: Any = module
        for part in self.function.split("."):
            place = inspect.getattr_static(place, part)
        sound = getattr(place, "__func__", place)
        scope = dict(vars(module))
        # `super()` needs the cell that the sound function has, which the outer function gives the mistaken code; a function that calls itself is a global.
        name = self.function.rpartition(".")[2]
        body = f"def outer():\n    __class__ = None\n    global {name}\n{textwrap.indent(self.text, '    ')}\n    return {name}"
        exec(compile(body, f"<{self.key}>", "exec", flags=0x1000000), scope)  # the flag: annotations stay text
        mistaken = scope["outer"]()
        mistaken = getattr(mistaken, "__func__", mistaken)
        code = mistaken.__code__
        if set(code.co_freevars) != set(sound.__code__.co_freevars):
            raise ValueError(f"{self.key}: the cells differ")
        sound.__code__ = code.replace(co_name=sound.__code__.co_name, co_qualname=sound.__code__.co_qualname)
        sound.__defaults__, sound.__kwdefaults__ = mistaken.__defaults__, mistaken.__kwdefaults__


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mistake that mutmut makes in a file, but for those in the text of an annotation or a docstring, which it leaves alone."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    made = mutate_file_contents(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    lines = made.code.splitlines()
    texts = {name: textwrap.dedent("\n".join(lines[span.start - 1 : span.end])) for name, span in made.line_span_by_function_name.items()}
    for name in made.mutant_names:
        mangled, _, number = name.rpartition("__mutmut_")
        sound = texts[f"{mangled}__mutmut_orig"]
        function = ".".join(mangled[1:].strip("ǁ").split("ǁ")) if "ǁ" in mangled else mangled.removeprefix("x_")
        plain = texts[name].replace(name, function.rpartition(".")[2])
        yield Mutant(path.stem, function, int(number), plain, sound.replace(f"{mangled}__mutmut_orig", function.rpartition(".")[2]))


@attrs.define
class Round:
    """A pytest plugin that runs mistakes where pytest would run its tests."""

    jobs: int
    budget: float
    asked: Sequence[Mutant]
    outcomes: dict[str, str]
    items: list[pytest.Item] = attrs.Factory(list)
    taken: dict[int, float] = attrs.Factory(dict)
    """Seconds of CPU by the number of the item."""
    reached: dict[tuple[str, str], set[int]] = attrs.Factory(lambda: defaultdict(set))
    """The items that run a function, by module and name."""
    noticed: dict[tuple[str, str], list[int]] = attrs.Factory(lambda: defaultdict(list))
    """The items that noticed a mistake in a function, the last first."""
    count: Counter[int] = attrs.Factory(Counter)
    """How many mistakes an item noticed."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Time every test and see what it runs, then run the mistakes."""
        self.items = list(session.items)
        gc.collect()
        gc.freeze()
        self._read(self._survey())
        self._run()
        return True

    def _survey(self) -> list[list[Any]]:
        """Seconds and what is run, by test; in a process of its own, so that no library has threads, and no cache is warm, when the mistakes are forked."""
        if SURVEY.exists():
            known = json.loads(SURVEY.read_text(encoding="utf-8"))
            if known["of"] == _digest():
                found: list[list[Any]] = known["found"]
                return found
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            seen: list[tuple[float, list[tuple[str, str]]]] = []
            for number in range(len(self.items)):
                profile = cProfile.Profile(subcalls=False, builtins=False)
                _forget()
                began = time.process_time()
                profile.enable()
                sound = self._passes(number, self.items[number + 1] if number + 1 < len(self.items) else None)
                profile.disable()
                seconds = time.process_time() - began if sound else math.inf
                ran = {
                    (Path(code.co_filename).stem, code.co_qualname)
                    for code in (entry.code for entry in profile.getstats())
                    if isinstance(code, types.CodeType) and Path(code.co_filename).parent == ROOM
                }
                seen.append((seconds, sorted(ran)))
            with os.fdopen(theirs, "w", encoding="utf-8") as pipe:
                json.dump(seen, pipe)
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, encoding="utf-8") as pipe:
            told: list[list[Any]] = json.load(pipe)
        os.waitpid(pid, 0)
        SURVEY.parent.mkdir(exist_ok=True)
        SURVEY.write_text(json.dumps({"of": _digest(), "found": told}), encoding="utf-8")
        return told

    def _read(self, told: list[list[Any]]) -> None:
        for number, (seconds, ran) in enumerate(told):
            if seconds == math.inf:
                _say(f"fails without any mistake: {self.items[number].nodeid}")
                continue
            self.taken[number] = seconds
            for module, function in ran:
                self.reached[module, function.split(".<locals>")[0]].add(number)
        _say(f"{len(self.taken)} tests, {sum(self.taken.values()):.0f} s of CPU with the profile on")

    def _passes(self, number: int, following: pytest.Item | None) -> bool:
        from _pytest.runner import runtestprotocol

        reports = runtestprotocol(self.items[number], nextitem=following, log=False)
        return not any(report.failed for report in reports)

    def _order(self, mutant: Mutant) -> list[int]:
        reaching = self.reached[mutant.module, mutant.function]
        first = [number for number in self.noticed[mutant.module, mutant.function][:8] if number in reaching]
        # Next those that noticed most for their time, whatever the function; a test that noticed nothing yet is as if it had noticed a little.
        rest = sorted(reaching.difference(first), key=lambda number: (self.taken[number] + 0.003) / (self.count[number] + 0.02))
        chosen: list[int] = []
        spent = 0.0
        for number in (*first, *rest):
            spent += self.taken[number]
            if self.taken[number] > SLOWEST or spent > self.budget:
                continue
            chosen.append(number)
        return chosen

    def _run(self) -> None:
        running: dict[int, tuple[Mutant, int]] = {}
        began = time.monotonic()
        for done, mutant in enumerate(self.asked):
            if len(running) >= self.jobs:
                self._reap(running)
            order = self._order(mutant)
            ours, theirs = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(ours)
                self._child(mutant, order, theirs)
            os.close(theirs)
            running[pid] = (mutant, ours)
            if done % 200 == 199:
                self._keep()
                alive = sum(self.outcomes.get(asked.key) == ALIVE for asked in self.asked[:done])
                _say(f"{done + 1} of {len(self.asked)} in {time.monotonic() - began:.0f} s, {alive} survive")
        while running:
            self._reap(running)
        self._keep()

    def _keep(self) -> None:
        KEPT.parent.mkdir(exist_ok=True)
        fresh = KEPT.with_suffix(".new")
        fresh.write_text(json.dumps(self.outcomes, indent=0, sort_keys=True), encoding="utf-8")
        fresh.replace(KEPT)

    def _reap(self, running: dict[int, tuple[Mutant, int]]) -> None:
        pid, status = os.wait()
        mutant, pipe = running.pop(pid)
        with os.fdopen(pipe, encoding="utf-8") as told:
            words = told.read().split()
        # What was being run stands in the pipe: where the process was ended from outside, that test is the one that noticed.
        last = int(words[-1]) if words else None
        where = (mutant.module, mutant.function)
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            self.outcomes[mutant.key] = ALIVE
            return
        if last is not None:
            self.count[last] += 1
            self.noticed[where] = [last, *(number for number in self.noticed[where] if number != last)]
        kind = {10: "noticed", 11: "not made"}.get(code, "ended" if code != -signal.SIGPROF else "too slow")
        self.outcomes[mutant.key] = f"{kind} by {self.items[last].nodeid}" if last is not None else kind

    def _child(self, mutant: Mutant, order: list[int], pipe: int) -> None:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            try:
                mutant.install()
            except (AttributeError, SyntaxError, ValueError):
                os._exit(11)
            _forget()
            for place, number in enumerate(order):
                os.write(pipe, f"{number} ".encode())
                # Seconds of CPU, which do not pass faster on a busy machine.
                signal.setitimer(signal.ITIMER_PROF, 5 + 20 * self.taken[number])
                following = self.items[order[place + 1]] if place + 1 < len(order) else None
                if not self._passes(number, following):
                    os._exit(10)
            os._exit(0)
        finally:
            os._exit(12)


def _digest() -> str:
    """Of everything that can change what a test runs or how long it takes."""
    folders = ("decision_os", "tests", "rules")
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".txt", ".yaml", ".csv"})
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths if path != Path(__file__))).hexdigest()


def _forget() -> None:
    """Empty every cache of the library, so that what was worked out before hides no mistake."""
    for name, module in list(sys.modules.items()):
        if name.startswith("decision_os"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _say(words: str) -> None:
    sys.__stderr__.write(f"{time.strftime('%H:%M:%S')} {words}\n")  # type: ignore[union-attr]  # there is one where this is run
    sys.__stderr__.flush()  # type: ignore[union-attr]


def asked(names: Sequence[str]) -> list[Mutant]:
    """The mistakes of the named modules, or of all."""
    paths = sorted(ROOM.glob("*.py")) if not names else [ROOM / f"{name}.py" for name in names]
    return [mutant for path in paths for mutant in mutants(path)]


def main() -> None:
    """Run the mistakes that are asked for, and say what survives."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("modules", nargs="*", help="files of decision_os/expr without `.py`; all where none is named")
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    reader.add_argument("--budget", type=float, default=30.0, help="seconds of CPU that the tests of one mistake may take in all")
    reader.add_argument("--share", type=float, default=1.0, help="the share of the mistakes that are tried, chosen by their digest")
    reader.add_argument("--again", action="store_true", help="try survivors again")
    reader.add_argument("--list", action="store_true", help="only say what is known")
    given = reader.parse_args()
    every = [mutant for mutant in asked(given.modules) if int(mutant.key[-4:], 16) < given.share * 0x10000]
    outcomes: dict[str, str] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    due = [mutant for mutant in every if mutant.key not in outcomes or (given.again and outcomes[mutant.key] == ALIVE)]
    _say(f"{len(every)} mistakes, {len(due)} to try")
    if due and not given.list:
        # Read before the forks, so that no mistake pays for it; neither has threads before it is used.
        for library in ("narwhals.stable.v2", "polars", "pandas"):
            importlib.import_module(library)
        plugin = Round(given.jobs, given.budget, due, outcomes)
        tests = (ROOT / "tests" / "expr", ROOT / "tests" / "test_coverage_of_rules.py", ROOT / "tests" / "test_units.py")
        pytest.main(["-q", "-p", "no:cacheprovider", "-n", "0", "--no-cov", *map(str, tests)], plugins=[plugin])
    report(every, outcomes)


def report(every: Sequence[Mutant], outcomes: dict[str, str]) -> None:
    """By module: how many were made, noticed, survive; then each survivor."""
    by: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in every:
        by[mutant.module][outcomes.get(mutant.key, "not tried").split(" by ")[0]] += 1
    for module, counts in by.items():
        made = sum(counts.values()) - counts["not tried"] - counts["not made"]
        print(f"{module:14} {made:6} made {counts[ALIVE]:5} survive  {1 - counts[ALIVE] / made if made else 0:6.1%}  {dict(counts)}")
    for mutant in every:
        if outcomes.get(mutant.key) == ALIVE:
            line, sound, mistaken = mutant.change
            print(f"{mutant.module}.{mutant.function}+{line}: {sound}\n    → {mistaken}")


if __name__ == "__main__":
    main()
