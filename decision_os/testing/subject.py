"""A decision under test: one playbook of an engine, with what its inputs may be and what there is to reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from decision_os.edges import Ground, Target, Values, reach, solved, wanted_of
from decision_os.engine import Engine
from decision_os.errors import InputError, NotFoundError, nearest
from decision_os.plan import Plan
from decision_os.record import DecisionRecord
from decision_os.testing.solving import Solver, installed

__all__ = ["AT", "Subject", "count_of", "flag_of", "playbook", "subject_of"]

AT: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
"""The instant that drawn inputs are decided at: readings are stale or fresh as of it."""

_KEYS: Final = 8
"""The most finer keys that an input is drawn at: each adds its leaves to the search."""


@attrs.frozen(kw_only=True)
class Subject:
    """A playbook of an engine, to draw inputs for; made by `playbook`. `choose` are the action parameters it is decided with."""

    engine: Engine
    node: str
    choose: Mapping[str, float] = attrs.field(factory=dict, hash=False)
    _reached: dict[tuple[str, str, str, int, str], Target] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    @property
    def plan(self) -> Plan:
        """The playbook, resolved."""
        return self.engine.plan(self.node)

    def decide(self, values: Mapping[str, Any]) -> DecisionRecord:
        """Decide on drawn inputs, at `AT` and with the parameters chosen."""
        return self.engine.decide(self.node, values, at=AT, subject="example", period="example", choose=self.choose)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Finer keys for inputs that have one value for each of several: as many as conditions can disagree at, two to eight; none where no input does."""
        fanned = [planned.use for planned in self.plan.inputs.values() if planned.fans]
        if not fanned:
            return ()
        word = fanned[0].by[0] if fanned[0].by else "key"
        reading = self.plan.fanning
        return tuple(f"{word} {place}" for place in range(1, min(max(reading, 2), _KEYS) + 1))

    @cached_property
    def ground(self) -> Ground:
        """Its conditions, and the values they read."""
        return Ground(self.plan, keys=self.keys, choose=self.choose)

    @cached_property
    def wanted(self) -> tuple[Target, ...]:
        """What there is to reach, before anything was searched for."""
        return tuple(wanted_of(self.ground))

    def reached(self, target: Target) -> Target:
        """A target with values that reach it, searched for once; without any where none were found."""
        key = (target.kind, target.name, target.beside, target.leaf, target.pivot)
        if key not in self._reached:
            found = reach(self.ground, target)
            self._reached[key] = found if found.reached else attrs.evolve(found, reached=tuple(self._together(target)))
        return self._reached[key]

    def _together(self, target: Target) -> Iterator[Values]:
        """Values that reach what takes several inputs at once: solved for, where the solver is installed; an edge from where its branch is taken."""
        if target.kind == "edge":
            branches = [self.reached(each) for each in self.wanted if each.kind == "branch" and each.name == target.name]
            yield from (values for branch in branches for values in branch.reached if solved(self.ground, target, values))
        elif self.solver is not None:
            values = self.solver.values(target)
            yield from [] if values is None else [values]

    @cached_property
    def solver(self) -> Solver | None:
        """What solves for several inputs at once; None where the extra `prove` is not installed."""
        return Solver(self.ground) if installed() else None

    @property
    def targets(self) -> tuple[Target, ...]:
        """What there is to reach, each with values that reach it where some were found: all are searched for."""
        return tuple(self.reached(target) for target in self.wanted)

    @cached_property
    def flat(self) -> Subject:
        """The same with one value for every input, as the row of a frame has it."""
        return self if not self.keys else _Flat(engine=self.engine, node=self.node, choose=self.choose)

    @property
    def unreached(self) -> tuple[str, ...]:
        """What no inputs were found for, in words: it cannot be (`decision_os.proofs` tells), or the search did not find it. Branches may well not overlap."""
        return tuple(target.words(self.ground) for target in self.targets if not target.reached and target.kind != "overlap")

    def branch(self, name: str) -> Target:
        """The target of a branch. Raises `NotFoundError` with the nearest name."""
        found = {target.name: target for target in self.wanted if target.kind == "branch"}
        if name not in found:
            raise NotFoundError(f"`{self.node}` has no branch `{name}` ({nearest(name, found) or 'its branches: ' + ', '.join(found)})")
        return self.reached(found[name])

    def __repr__(self) -> str:
        return f"<playbook {self.node} under test>"


@attrs.frozen(kw_only=True)
class _Flat(Subject):
    @cached_property
    def keys(self) -> tuple[str, ...]:
        return ()


def playbook(engine: Engine, node: str, *, choose: Mapping[str, float] | None = None) -> Subject:
    """A playbook to draw inputs for: the decision `node` of an engine, with action parameters at their defaults or as in `choose`.

    Raises `NotFoundError` for a decision that does not exist, `InputError` for a parameter outside its range.

    >>> import decision_os as dos
    >>> engine = dos.Engine.load(dos.reference_rules())
    >>> playbook(engine, "channel.invest")
    <playbook channel.invest under test>
    """
    if not isinstance(engine, Engine):
        raise InputError(f"`playbook` takes an engine, not a {type(engine).__name__}", hint='as in `testing.playbook(engine, "channel.invest")`')
    engine.plan(node).choices(choose)
    return Subject(engine=engine, node=node, choose=dict(choose or {}))


def subject_of(given: object, name: str) -> Subject:
    """What a strategy or a property was given, if it is a playbook under test. Raises `InputError` with what to write instead."""
    if isinstance(given, Subject):
        return given
    node = getattr(given, "id", None) or (given if isinstance(given, str) else "channel.invest")
    hint = f'make one with `testing.playbook(engine, "{node}")`'
    raise InputError(f"`{name}` takes a playbook under test, not a {type(given).__name__}", name=name, hint=hint)


def flag_of(given: object, name: str) -> bool:
    """What says yes or no. Raises `InputError` for anything but True and False."""
    if isinstance(given, bool):
        return given
    raise InputError(f"`{name}` is True or False, not {given!r}", name=name, hint=f"as in `{name}=False`")


def count_of(given: object, name: str) -> int:
    """How many, at least one. Raises `InputError`."""
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return given
    raise InputError(f"`{name}` is a whole number from 1 on, not {given!r}", name=name, hint=f"as in `{name}=8`")
