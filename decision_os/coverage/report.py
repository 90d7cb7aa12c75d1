"""Coverage in words and figures: what is lacking, the input that would show it, and what can never be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from decision_os.coverage.searching import searched
from decision_os.coverage.seen import Asked, Coverage, Lack, Want

__all__ = ["Missing", "Report", "report"]


@attrs.frozen
class Missing:
    """Something lacking, and what is known of it.

    `case` is a line for `cases.yaml` that would show it, decided by the engine first; `never` says that no input can, which was proven. Where neither is
    known, it was not found out: no solver was there, or not enough time.
    """

    lack: Lack
    case: str = ""
    never: bool = False


@attrs.frozen
class Report:
    """The coverage of one rule book. What can never be seen counts neither for it nor against it.

    The conditions of a branch count where the branch is reached: where the pre-checks pass and, under `first`, no branch before it holds. `dead` are the
    branches that are proven never to be taken, masked ones among them.
    """

    coverage: Coverage
    missing: tuple[Missing, ...]
    solver: bool
    dead: tuple[Asked, ...] = ()

    @property
    def conditions(self) -> int:
        """How many conditions there are."""
        return sum(len(asked.structure.leaves) for asked in self._every())

    @property
    def seen(self) -> dict[str, tuple[int, int]]:
        """Of how many conditions each thing was seen (`true`, `false`, `unknown`), and their independent effect shown (`MC/DC`); and of how many it can be."""
        wants: dict[str, tuple[Want, ...]] = {"true": ("true",), "false": ("false",), "unknown": ("unknown",), "MC/DC": ("decides true", "decides false")}
        found = {}
        for name, of in wants.items():
            never = {(id(each.lack.asked), each.lack.leaf) for each in self.missing if each.never and each.lack.want in of}
            places = [(asked, leaf) for asked in self._every() for leaf in range(len(asked.structure.leaves)) if (id(asked), leaf) not in never]
            found[name] = sum(all(asked.had(leaf, want) for want in of) for asked, leaf in places), len(places)
        return found

    @property
    def percent(self) -> float:
        """The share, in per cent, of all of these that was seen."""
        had, of = (sum(column) for column in zip(*self.seen.values(), strict=True))
        return 100.0 if of == 0 else 100 * had / of

    def _every(self) -> list[Asked]:
        return [asked for all_asked in self.coverage.asked.values() for asked in all_asked]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        by_asked: dict[int, list[Missing]] = {}
        for each in self.missing:
            by_asked.setdefault(id(each.lack.asked), []).append(each)
        lines: list[str] = []
        proposed: set[tuple[str, str]] = set()
        for asked in self._every():
            count = len(asked.structure.leaves)
            true, false, unknown = (sum(asked.had(leaf, want) for leaf in range(count)) for want in _SEEN)
            shown = sum(asked.effect(leaf) for leaf in range(count))
            told = f"{_counted(count)}, seen true {true}, false {false}, unknown {unknown}, MC/DC {shown}"
            lines += [f"{asked.node}, {asked.kind} `{asked.condition.id}`: {told}"]
            if any(asked is each for each in self.dead):
                place = f"  {asked.where}".rstrip()
                lines.append(f"{place} branch `{asked.condition.id}` is dead: it is never taken (proven); `decision-os lint --prove` says why")
            for each in by_asked.get(id(asked), ()):
                lines += _told(each, "" if (asked.node, each.case) not in proposed else "a case above shows it")
                proposed.add((asked.node, each.case))
        told = ", ".join(f"{name} {had} of {of}" for name, (had, of) in self.seen.items())
        lines.append(f"rules coverage {_percent(self.percent)} of {_counted(self.conditions)}: {told}")
        if any(not each.never and not each.case for each in self.missing) and not self.solver:
            lines.append('pip install "decision-os[prove]" to find out whether an input can show the others')
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "percent": self.percent,
            "conditions": self.conditions,
            "seen": {name: {"seen": had, "of": of} for name, (had, of) in self.seen.items()},
            "dead": [{"decision": each.node, "branch": each.condition.id} for each in self.dead],
            "missing": [
                {
                    "decision": each.lack.asked.node,
                    each.lack.asked.kind.replace("-", "_"): each.lack.asked.condition.id,
                    "condition": each.lack.words,
                    "lacking": each.lack.want,
                    "never": each.never,
                    "case": each.case or None,
                    "file": each.lack.asked.where.file,
                    "line": each.lack.asked.where.line,
                }
                for each in self.missing
            ],
        }


_SEEN: Final[tuple[Want, ...]] = ("true", "false", "unknown")


def _told(each: Missing, already: str) -> list[str]:
    place = f"  {each.lack.asked.where}".rstrip()
    if each.never:
        where = " where that branch is reached" if each.lack.asked.kind == "branch" else ""
        return [f"{place} {each.lack}: it cannot be{where} (proven)"]
    return [f"{place} {each.lack}", *([f"    {already or each.case}"] if each.case else [])]


def _counted(count: int) -> str:
    return f"{count} condition{'' if count == 1 else 's'}"


def _percent(value: float) -> str:
    """In per cent, never rounded up to all of it."""
    return "100 %" if value == 100 else f"{int(value * 10) / 10:g} %"


def report(coverage: Coverage, *, given: Mapping[str, Mapping[str, Any]] | None = None, seconds: float = 30.0) -> Report:
    """What is lacking of a coverage, with an input that would show each, and a proof where none can.

    Both are solved for (extra `prove`); without the solver, inputs are looked for at the edges of the decision, and nothing is proven.

    `given` are by decision the values that a proposed input keeps to where it can: those that all its cases share.
    """
    lacks = [lack for all_asked in coverage.asked.values() for asked in all_asked for lack in asked.lacking()]
    if not lacks:
        return Report(coverage, (), solver=True)
    try:
        from decision_os.coverage.proposing import dead, proposals  # noqa: PLC0415  # the solver, when something is lacking
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        cases = searched(coverage.engine, lacks, given or {})
        return Report(coverage, tuple(_once([Missing(lack, case) for lack, case in zip(lacks, cases, strict=True)])), solver=False)
    found = proposals(coverage.engine, lacks, given or {}, seconds)
    missing = tuple(_once([Missing(lack, case, never) for lack, (case, never) in zip(lacks, found, strict=True)]))
    doubtful = {id(each.lack.asked) for each in missing if each.never and each.lack.asked.kind == "branch"}
    branches = [asked for all_asked in coverage.asked.values() for asked in all_asked if id(asked) in doubtful]
    return Report(coverage, missing, solver=True, dead=tuple(dead(coverage.engine, branches, seconds)))


def _once(missing: Sequence[Missing]) -> Iterator[Missing]:
    """Without what another says already: where a condition is to be seen true and to decide, that it was not seen true at all."""
    open_sides = {(id(each.lack.asked), each.lack.leaf, each.lack.want) for each in missing if not each.never}
    for each in missing:
        if (id(each.lack.asked), each.lack.leaf, f"decides {each.lack.want}") not in open_sides:
            yield each
