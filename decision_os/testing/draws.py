"""Strategies for the inputs of a decision, found by solving for what is to be reached and never by throwing examples away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

from hypothesis import currently_in_test_context, event, note
from hypothesis import strategies as st

from decision_os.edges import Ground, Place, Target, Values, solved
from decision_os.edges.ground import Cell, leaves_of
from decision_os.errors import InputError
from decision_os.testing.subject import Subject, flag_of, subject_of
from decision_os.testing.unknowns import with_unknown
from decision_os.values import Scalar

__all__ = ["inputs", "inputs_for", "known"]

_EDGES: Final = 3
"""For each example somewhere in a branch or a gap, so many lie at an edge."""

_OVERLAPS: Final = 3
"""Of those that lie at no edge one in so many lies where two branches hold, if such inputs are found."""

_TRIED: Final = 16
"""How many pairs of branches are searched for an overlap in one draw: of a sound rule none has one."""

_APART: Final = 10**12

Draw = Callable[[st.SearchStrategy[Any]], Any]


def inputs(playbook: Subject, *, unknowns: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs of a decision, as `Engine.decide` takes them: in every branch, gap and overlap, with each pre-check failing alone, and at every edge.

    At an edge one input is solved for so that the two sides of a comparison are equal, with the others drawn: it has that value, the next one below or
    above in its last digit (of the metric's precision, else the 12th significant one), or one step off (a cent, a hundredth of a point, one lead).
    Values keep to the contracts' ranges, whole where they count things, and shrink to round ones. With `unknowns` one example in eight has an input or two
    that are missing, stale, too few, quarantined or unknown otherwise.

    Decide on them with `playbook.decide`, or at `testing.AT`. Raises `InputError` for what is no playbook under test, and for `unknowns` that are neither
    True nor False.

    >>> import decision_os as dos
    >>> from decision_os import testing
    >>> from hypothesis import given
    >>> invest = testing.playbook(dos.Engine.load(dos.reference_rules()), "channel.invest")
    >>> @given(testing.inputs(invest, unknowns=False))
    ... def test_above_90_percent_of_its_baseline_nothing_is_invested(values):
    ...     if values["cac_per_sqo"] > 0.91 * values["cac_per_sqo_baseline"]:
    ...         assert invest.decide(values).branch != "invest"
    >>> test_above_90_percent_of_its_baseline_nothing_is_invested()
    """
    subject = subject_of(playbook, "inputs")
    values = known(subject, subject.wanted)
    return values if not flag_of(unknowns, "unknowns") else st.integers(0, 7).flatmap(lambda dice: with_unknown(subject, values) if dice == 7 else values)


def inputs_for(playbook: Subject, branch: str) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs, all known, for which that branch is taken.

    Raises `NotFoundError` for a branch that does not exist, and `InputError` for one that no inputs were found for.

    >>> import decision_os as dos
    >>> from decision_os import testing
    >>> from hypothesis import given
    >>> invest = testing.playbook(dos.Engine.load(dos.reference_rules()), "channel.invest")
    >>> @given(testing.inputs_for(invest, "pause"))
    ... def test_pausing_frees_the_whole_budget(values):
    ...     (action,) = invest.decide(values).actions
    ...     assert action.after == 0
    >>> test_pausing_frees_the_whole_budget()
    """
    subject = subject_of(playbook, "inputs_for")
    target = subject.branch(branch)
    if not target.reached:
        more = "" if subject.solver is not None else '; where it takes several inputs at once they are solved for: pip install "decision-os[prove]"'
        hint = f"`decision-os lint --prove` says whether it can ever fire{more}"
        raise InputError(f"no inputs were found for which branch `{branch}` of `{subject.node}` is taken", name=branch, hint=hint)
    return known(subject, [target])


def known(subject: Subject, wanted: Sequence[Target]) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs without unknowns that reach one of those targets."""
    return _values(subject, wanted).map(subject.ground.mapping)


@st.composite
def _values(draw: Draw, subject: Subject, wanted: Sequence[Target]) -> Values:
    edges = [target for target in wanted if target.kind == "edge"]
    overlaps = [target for target in wanted if target.kind == "overlap"]
    regions = [target for target in wanted if target.kind not in ("edge", "overlap")]
    picks = _Picks(draw)
    at_edge = bool(edges) and (not regions or picks.below(_EDGES + 1) < _EDGES)
    target = _overlap(subject, overlaps, picks) if overlaps and not at_edge and picks.below(_OVERLAPS) == _OVERLAPS - 1 else None
    target = target or _reachable(subject, edges if at_edge else regions, picks)
    words = target.words(subject.ground)
    if currently_in_test_context():
        event(words)
        note(f"drawn for {words}")
    return _at_edge(picks, subject.ground, target) if target.kind == "edge" else _in_region(picks, subject.ground, target)


def _reachable(subject: Subject, wanted: Sequence[Target], picks: _Picks) -> Target:
    """One of several targets; in place of one that no values were found for the next that some were, and that of any kind where there is none."""
    start = picks.below(len(wanted))
    for target in (*wanted[start:], *wanted[:start], *subject.wanted):
        found = subject.reached(target)
        if found.reached:
            return found
    hint = "`decision-os lint --prove` says what its conditions contradict"
    raise InputError(f"no inputs were found that reach anything of `{subject.node}`", name=subject.node, hint=hint)


def _overlap(subject: Subject, overlaps: Sequence[Target], picks: _Picks) -> Target | None:
    """Two branches that both hold somewhere, from a pair drawn on; None where none of the pairs looked at do."""
    start = picks.below(len(overlaps))
    tried = (*overlaps[start:], *overlaps[:start])[:_TRIED]
    return next((found for found in map(subject.reached, tried) if found.reached), None)


class _Picks:
    """Draws from lists, each time from one that Hypothesis takes for another kind.

    It spends five examples in six on copies of parts of one example over parts of the same kind, which leaves what is to be reached as it was: a hundred
    examples would reach a dozen edges, and miss others. Parts that are all of different kinds are drawn anew each time.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._start = 0

    def below(self, count: int) -> int:
        """A number from 0; examples shrink to that."""
        self._start += _APART
        return 0 if count == 1 else int(self._draw(st.sampled_from(range(self._start, self._start + count)))) - self._start

    def one_of(self, choices: Sequence[Any]) -> Any:
        """One of several, those first that examples shrink to."""
        return choices[self.below(len(choices))]

    def number(self, place: Place, first: int, last: int, unit: Fraction) -> float:
        """A multiple of a unit; half of the time, and where examples shrink to, one that people would write first."""
        typical = [number for number in place.typical if first * unit <= number <= last * unit]
        if typical and not self.below(2):
            return place.written(self.one_of(typical))
        return place.written((first + self.below(last - first + 1)) * unit)

    def value(self, place: Place) -> Scalar | None:
        """Any value of a place that its contract allows."""
        if place.kind == "truth":
            return not self.below(2)
        if place.kind == "text":
            text: str | None = self.one_of((*place.texts[::-1], *([None] if place.optional else [])))
            return text
        return self.number(place, *place.usual)

    def inside(self, place: Place, cells: Sequence[Cell]) -> Scalar | None:
        """A value of one of some cells; examples shrink to inside one, not to its end."""
        cell: Cell = self.one_of(sorted(cells, key=lambda cell: cell.low is not None and cell.low == cell.high))
        within = (
            place.inside(cell.low, cell.high) if place.kind == "number" and cell.value is not None and (cell.low is None or cell.low != cell.high) else None
        )
        if within is None:
            return cell.value
        value = self.number(place, *within)
        return value if place.allows(value) else cell.value


def _in_region(picks: _Picks, ground: Ground, target: Target) -> Values:
    """From values that reach the target each input in turn goes anywhere it can with the others as they are."""
    values: Values = picks.one_of(target.reached)
    answers = ground.answers(values)
    free = _free(ground, target)
    for name, place in ground.places.items():
        if name in free:
            values = {**values, name: picks.value(place)}
            continue
        near, cells = ground.nearer(target.goal, values, name, answers)
        if near == 0:
            values = {**values, name: picks.inside(place, cells)}
            answers = ground.after(answers, values, name)
    return values


def _at_edge(picks: _Picks, ground: Ground, target: Target) -> Values:
    """Every input but one goes where it was drawn, as long as the last can still be solved for."""
    values: Values = picks.one_of(target.reached)
    around = solved(ground, target, values)
    free, pivot = _free(ground, target), ground.places[target.pivot]
    for name, place in ground.places.items():
        if name == target.pivot:
            continue
        drawn = {**values, name: picks.value(place)}
        found = around if name in free else solved(ground, target, drawn)
        if found and (pivot.valid is not None or _usual(pivot, found) or not _usual(pivot, around)):
            values, around = drawn, found
    return {**values, target.pivot: picks.one_of(around)}


def _usual(pivot: Place, around: Sequence[Scalar | None]) -> bool:
    """Whether no value solved for lies below where the values of the input usually begin: a price is not below zero, though no contract may say so."""
    return all(isinstance(value, int | float) and value >= pivot.low - pivot.step for value in around)


def _free(ground: Ground, target: Target) -> set[str]:
    """The places that a target does not speak of."""
    leaves = leaves_of(target.goal) | ({target.leaf} if target.kind == "edge" else set())
    return {name for name in ground.places if not leaves.intersection(ground.readers[name])}
