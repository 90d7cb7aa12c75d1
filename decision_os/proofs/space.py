"""What the inputs of a decision may be: their kinds, the ranges their contracts allow, and the conditions over them as terms of a solver.

An input of a finer grain (`combine: all` or `any`) is taken at as many keys as conditions look at such inputs: a conjunction over keys fails by one of
them and a disjunction holds by one, so that whatever all these conditions can come to together, they come to at that many keys.
An input is known, unless a condition asks whether it is missing: then it may
be either. A value outside its contract's valid range is unknown to the engine, so that only values inside it are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.expr import Expression
from decision_os.expr.tree import Call, Choice, Comparison, Defined, Logic, Membership, Name, Node, Not, walk
from decision_os.model import Combine, HitPolicy
from decision_os.plan import Condition, Plan
from decision_os.proofs.terms import Division, Input, Kleene, Terms, both, either

__all__ = ["Space", "atoms", "finer_keys", "optional"]

_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")

_AT: Final = "@"


def finer_keys(*plans: Plan) -> tuple[str, ...]:
    """Names for the finer keys at which the conditions of these plans are looked at together; never fewer than two."""
    count = sum(plan.fanning for plan in plans)
    return tuple(_ORDINALS[place] if place < len(_ORDINALS) else f"key {place + 1}" for place in range(max(count, 2)))


class Space:
    """The inputs, conditions and assumptions of one playbook, as terms.

    In a question about two playbooks `named` gives the inputs that are the same the same name in both, `prefix` keeps the others apart,
    `private` what only one of them is made of, and `beside` is the first of the two. `keys` are the finer keys (as many as its own
    conditions need, unless given); inputs of `unknown` need not be known.
    Inputs and parameters of `apart` have another range in the other playbook: they are not kept inside their own, and `inside` says when they are, or
    are missing. Outside it an input is unknown, as it is to the engine, and a parameter cannot be chosen.
    `decimals` says how many digits after the point a number has where its metric says so: none where whole things are counted, of which there are none below
    zero unless the valid range says otherwise.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        named: Mapping[str, str] | None = None,
        prefix: str = "",
        private: str = "",
        beside: Space | None = None,
        keys: Sequence[str] | None = None,
        unknown: Collection[str] = (),
        apart: Collection[str] = (),
    ) -> None:
        self.plan = plan
        self.named = named or {}
        self.prefix = prefix
        self.keys = finer_keys(plan) if keys is None else keys
        self.codes: dict[str, int] = beside.codes if beside is not None else {}
        self.inputs: dict[str, Input] = {}
        self.optional = {*optional(self.plan), *unknown}
        self.apart = frozenset(apart)
        self.inside: dict[str, Any] = {}
        functions = {name: each for asked in (*plan.pre_checks, *plan.branches) for name, each in asked.expression.context.functions.items()}
        self.terms = Terms(lambda name: self.inputs[name], private or prefix, self.codes, functions)
        self.decimals: dict[str, int] = {}
        self._declare()
        self.ranges: list[Any] = list(self._ranges())
        self.checks = {check.id: self._asked(check) for check in self.plan.pre_checks}
        self.branches = {branch.id: self._asked(branch) for branch in self.plan.branches}
        self.divisions: tuple[Division, ...] = tuple(self.terms.divisions)

    # ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _declare(self) -> None:
        for name, planned in self.plan.inputs.items():
            kind = "text" if planned.metric.text else "bool" if planned.metric.sustained is not None else "number"
            for at in self.places(name):
                self._input(at, kind, known=name not in self.optional)
                if kind == "number" and planned.metric.decimals is not None:
                    self.decimals[at] = planned.metric.decimals
        for name in self.plan.feeds:
            self._input(name, "bool" if name == "slo_green" else "number", known=name not in self.optional)
        if "open_sev2_incidents" in self.inputs:
            self.decimals["open_sev2_incidents"] = 0
        for name in self.plan.defaults:
            self._input(name, "number", known=True)

    def _input(self, name: str, kind: str, *, known: bool) -> None:
        own, at, key = name.partition(_AT)
        symbol = self.named.get(own, self.prefix + own) + at + key
        make = {"number": z3.Real, "bool": z3.Bool, "text": z3.Int}[kind]
        self.inputs[name] = Input(symbol, kind, make(symbol), z3.BoolVal(True) if known else z3.Bool(f"{symbol} known"))

    def places(self, name: str) -> tuple[str, ...]:
        """The names an input goes by: its own, or one for each finer key."""
        return tuple(self.place(name, key) for key in self.keys) if self.plan.inputs[name].fans else (name,)

    def exactly(self, name: str, value: Any) -> Any:
        """A value of an input as a term."""
        kind = self.inputs[name].kind
        if kind == "text":
            return z3.IntVal(self.codes.setdefault(str(value), len(self.codes)))
        return z3.BoolVal(bool(value)) if kind == "bool" else z3.RealVal(str(Fraction(str(value))))

    @staticmethod
    def place(name: str, key: str) -> str:
        """The name of an input at one finer key; its own where there is none."""
        return f"{name}{_AT}{key}" if key else name

    def _ranges(self) -> Iterator[Any]:
        for name, planned in self.plan.inputs.items():
            if planned.valid is None and planned.metric.whole and name not in self.apart:
                yield from (self.inputs[at].value >= 0 for at in self.places(name))
            if planned.valid is not None:
                for at in self.places(name):
                    found = self.inputs[at]
                    self.inputs[at] = attrs.evolve(found, known=z3.BoolVal(True))
                    valid = self.terms.condition(planned.valid.tree, {name: at}).true
                    inside = valid if z3.is_true(found.known) else z3.Or(z3.Not(found.known), valid)
                    if name in self.apart:
                        self.inside[at] = inside
                        self.inputs[at] = attrs.evolve(found, known=both([found.known, valid]))
                    else:
                        self.inputs[at] = found
                        yield inside
        for name, parameter in self.plan.playbook.parameters.items():
            inside = self.terms.condition(parameter.range.tree, {"value": name}).true
            if name in self.apart:
                self.inside[name] = inside
            else:
                yield inside
        if "open_sev2_incidents" in self.inputs:
            yield self.inputs["open_sev2_incidents"].value >= 0

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, condition: Condition) -> Kleene:
        return self.over_keys(condition, condition.expression.tree)

    def over_keys(self, condition: Condition, tree: Node) -> Kleene:
        """A tree of a condition, over the finer keys where it reads an input that fans out."""
        fanned = [name for name in condition.fanned if _reads(tree, name)]
        if not fanned:
            return self.terms.condition(tree)
        parts = [self.terms.condition(tree, {name: self.place(name, key) for name in fanned}) for key in self.keys]
        if condition.every:
            return Kleene(both([part.true for part in parts]), either([part.false for part in parts]))
        return Kleene(either([part.true for part in parts]), both([part.false for part in parts]))

    def region(self, expression: Expression) -> Kleene:
        """A condition that the playbook does not ask, over its inputs."""
        fanned = tuple(name for name in expression.names if name in self.plan.inputs and self.plan.inputs[name].fans)
        every = all(self.plan.inputs[name].use.combine is Combine.ALL for name in fanned)
        return self.over_keys(Condition(id="", label="", expression=expression, fanned=fanned, every=every), expression.tree)

    @property
    def passed(self) -> Any:
        """That every pre-check holds."""
        return both([check.true for check in self.checks.values()])

    def taken(self, branch: str) -> Any:
        """That a branch is taken, under the playbook's hit policy; by the first that holds, one before it that would do the same may be unknown."""
        names, does = list(self.branches), {asked.id: asked.action for asked in self.plan.branches}
        others: list[Any] = []
        if self.plan.playbook.hit_policy is HitPolicy.FIRST:
            before = names[: names.index(branch)]
            others = [z3.Not(self.branches[name].true) if does[name] == does[branch] else self.branches[name].false for name in before]
        elif self.plan.playbook.hit_policy is HitPolicy.UNIQUE:
            others = [self.branches[name].false for name in names if name != branch]
        return both([self.passed, self.branches[branch].true, *others])

    @property
    def free(self) -> Any:
        """That no branch holds, and it is known."""
        return both([self.passed, *(branch.false for branch in self.branches.values())])

    @property
    def aside(self) -> frozenset[str]:
        """The inputs and parameters that no condition reads."""
        conditions = (*self.plan.pre_checks, *self.plan.branches)
        return frozenset({*self.plan.inputs, *self.plan.defaults}.difference(*(condition.expression.names for condition in conditions)))

    # ── what a person would expect of the numbers ────────────────────────────────────────────────────────────────────────────────

    def usual(self, least: Fraction = Fraction(0)) -> list[Any]:
        """Bounds that business numbers keep to, where no contract says so: for examples that read well, never for a proof.

        `least` is where amounts and counts begin; shares begin at a hundredth of it.
        """
        return [part for name, ends in self.usual_ends(least).items() for part in self.between(name, *ends)]

    def between(self, name: str, low: Fraction, high: Fraction) -> list[Any]:
        """That an input lies between two numbers."""
        value = self.inputs[name].value
        return [value >= z3.RealVal(str(low)), value <= z3.RealVal(str(high))]

    def usual_ends(self, least: Fraction = Fraction(0)) -> dict[str, tuple[Fraction, Fraction]]:
        """The same bounds as numbers, by input."""
        ends: dict[str, tuple[Fraction, Fraction]] = {}
        for name, found in self.inputs.items():
            if found.kind != "number" or name in self.plan.defaults:
                continue
            planned = self.plan.inputs.get(name.partition(_AT)[0])
            if planned is not None and planned.valid is not None and (planned.metric.unit is None or planned.metric.unit.kind != "share"):
                continue
            kind = planned.metric.unit.kind if planned is not None and planned.metric.unit is not None else ""
            low, high = (least / 100, Fraction(1)) if kind == "share" else (least, Fraction(100_000))
            ends[name] = (Fraction(-1), Fraction(1)) if kind == "pp" else (low, high)
        return ends


def optional(found: Plan) -> frozenset[str]:
    """The inputs that a condition asks about whether they are missing, or has another value for."""
    names: set[str] = set()
    for condition in (*found.pre_checks, *found.branches):
        for node in walk(condition.expression.tree):
            if isinstance(node, Call) and node.function in ("is_missing", "coalesce"):
                names |= {inner.name for inner in walk(node) if isinstance(inner, Name)}
    return frozenset(names)


def _reads(tree: Node, name: str) -> bool:
    return any(isinstance(node, Name) and node.name == name for node in walk(tree))


def atoms(expression: Expression) -> Iterator[tuple[Node, str]]:
    """The comparisons and memberships of a condition that are not made of others, with the text each stands in, in the order written."""

    def below(node: Node, text: str) -> Iterator[tuple[Node, str]]:
        match node:
            case Comparison() | Membership():
                yield node, text
            case Defined():
                yield from below(node.body, expression.context.texts.get(node.name, ""))
            case Logic():
                for operand in node.operands:
                    yield from below(operand, text)
            case Not():
                yield from below(node.operand, text)
            case Choice():
                for part in (node.condition, node.then, node.otherwise):
                    yield from below(part, text)
            case _:
                return

    return below(expression.tree, expression.text)
