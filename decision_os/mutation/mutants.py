"""A playbook → the playbooks with one mistake each, in words and with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import attrs

from decision_os.engine import Engine
from decision_os.errors import Where
from decision_os.expr import Expression
from decision_os.expr.tree import Arithmetic, Logic, Node
from decision_os.expr.unparse import unparse
from decision_os.model import Branch, HitPolicy, Playbook
from decision_os.mutation.operators import Kind, mistakes
from decision_os.mutation.sites import OWN, Change, Site, changed, sites
from decision_os.wire.places import Places, places_of

__all__ = ["Kind", "Mutant", "mutants"]


@attrs.frozen(eq=False)
class Mutant:
    """One mistake in one decision.

    `id` names it for as long as the rules are the same; `words` say what became of what; `playbook` has the mistake in it, and `engine` decides by it.
    """

    id: str
    node: str
    kind: Kind
    words: str
    where: Where
    playbook: Playbook

    def engine(self, of: Engine) -> Engine:
        """An engine that decides this one decision, with the mistake."""
        return Engine(attrs.evolve(of.book, playbooks={self.node: self.playbook}))

    def __str__(self) -> str:
        return f"{self.where} {self.words}"


def mutants(engine: Engine, node: str) -> Iterator[Mutant]:
    """Every mistake that can be made in one decision, one at a time. Raises `NotFoundError` for a decision that does not exist.

    >>> from decision_os.reference import reference_rules
    >>> [mutant.words for mutant in mutants(Engine.load(reference_rules()), "routing.policy") if mutant.kind == "drop"][-1]
    '`unassigned_rate ≤ unassigned_max` is dropped'
    """
    return _Maker(engine, node).all()


class _Maker:
    def __init__(self, engine: Engine, node: str) -> None:
        self.playbook = engine.book.playbook(node)
        self.shared = engine.book.thresholds
        self.places: Places = places_of(self.playbook)
        self.texts: dict[str, str] = {}
        for expression in self.conditions.values():
            self.texts |= expression.context.texts
        inputs = engine.plan(node).inputs
        self.whole = {name for name, planned in inputs.items() if planned.metric.whole}
        self.whole |= {name for name, unit in self.playbook.units.items() if name not in inputs and unit is not None and unit.whole}

    @property
    def conditions(self) -> Mapping[tuple[str, str], Expression]:
        """What decides: the pre-checks and branches."""
        found = {("pre_checks", check.id): check.condition for check in self.playbook.pre_checks}
        return {**found, **{("branches", branch.id): branch.condition for branch in self.playbook.branches}}

    def all(self) -> Iterator[Mutant]:
        seen: set[tuple[object, ...]] = set()
        for home, expression in self.conditions.items():
            for site in sites(expression.tree):
                for kind, word, change in mistakes(site, self.whole, threshold=self.compared_with(site)):
                    where = home if site.owner == OWN else ("", site.owner)
                    name = (where, *site.key[1:], kind, word)
                    if name not in seen:
                        seen.add(name)
                        yield self.mutant(home, expression, site, kind, word, change)
        yield from self.swaps()

    def compared_with(self, site: Site) -> bool:
        """Whether numbers there are thresholds: in conditions, and in what is named as a threshold; not in the formula of a projection."""
        if site.owner == OWN or site.owner in self.playbook.thresholds or site.owner in self.shared:
            return True
        projection = self.playbook.projections.get(site.owner)
        return projection is not None and projection.is_condition

    def mutant(self, home: tuple[str, str], expression: Expression, site: Site, kind: Kind, word: str, change: Change) -> Mutant:
        own = site.owner == OWN
        section, name = home if own else (self.section(site.owner), site.owner)
        text = expression.text if own else self.texts.get(site.owner, "")
        playbook = self.with_change(home if own else None, site, change)
        where = self.places.at(section, name, text, _gone(site.node, change(site.node)).span[0])
        if section == "thresholds" and name not in self.playbook.thresholds:
            where = self.shared[name].where
        start = ".".join(map(str, site.node.span))
        return Mutant(f"{self.playbook.id}/{section}/{name}/{start}/{kind} {word}", self.playbook.id, kind, self.words(site, text, change), where, playbook)

    def section(self, name: str) -> str:
        return "projections" if name in self.playbook.projections else "thresholds"

    def with_change(self, home: tuple[str, str] | None, site: Site, change: Change) -> Playbook:
        """The playbook with the change made: in one condition, or wherever a definition is used."""

        def of(place: tuple[str, str], expression: Expression) -> Expression:
            if home is not None and place != home:
                return expression
            tree = changed(expression.tree, site.key, change)
            return expression if tree is expression.tree else expression.with_tree(tree)

        book = self.playbook
        projections = dict(book.projections)
        if home is None:
            for name, expression in book.projections.items():
                key = (OWN, *site.key[1:]) if name == site.owner else site.key
                tree = changed(expression.tree, key, change)
                projections[name] = expression if tree is expression.tree else expression.with_tree(tree)
        return attrs.evolve(
            book,
            pre_checks=tuple(attrs.evolve(check, condition=of(("pre_checks", check.id), check.condition)) for check in book.pre_checks),
            branches=tuple(attrs.evolve(branch, condition=of(("branches", branch.id), branch.condition)) for branch in book.branches),
            projections=projections,
        )

    def words(self, site: Site, text: str, change: Change) -> str:
        """What became of what, in the author's words where they are."""

        def written(node: Node) -> str:
            return " ".join(text[slice(*node.span)].split()) or unparse(node)

        node, made = site.node, change(site.node)
        if isinstance(node, Logic):
            return f"`{written(_gone(node, made))}` is dropped"
        if isinstance(node, Arithmetic):
            return f"`{written(node)}` as if its points were a per cent of `{written(node.left)}`"
        whole = changed(site.within, site.key, change, owner=site.owner)
        named = f"{site.owner}: " if site.owner in self.playbook.thresholds or site.owner in self.shared else ""
        return f"`{named}{written(site.within)}` → `{unparse(whole)}`"

    # ── branches ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def swaps(self) -> Iterator[Mutant]:
        branches = self.playbook.branches
        if self.playbook.hit_policy is HitPolicy.FIRST:
            for place, (one, other) in enumerate(pairwise(branches)):
                yield self.swap(one, other, "order", (*branches[:place], other, one, *branches[place + 2 :]))
        for one, other in pairwise(branches):  # not every two: a hundred branches would have five thousand
            if one.action != other.action:
                swapped = {one.id: other.action, other.id: one.action}
                yield self.swap(one, other, "actions", tuple(attrs.evolve(each, action=swapped.get(each.id, each.action)) for each in branches))

    def swap(self, one: Branch, other: Branch, what: str, branches: tuple[Branch, ...]) -> Mutant:
        words = f"branch `{other.id}` goes before `{one.id}`" if what == "order" else f"branches `{one.id}` and `{other.id}` take each other's action"
        identity = f"{self.playbook.id}/branches/{one.id} & {other.id}/swap {what}"
        return Mutant(identity, self.playbook.id, "swap", words, one.where, attrs.evolve(self.playbook, branches=branches))


def _gone(node: Node, made: Node) -> Node:
    """The operand that a mistake leaves out; the node itself where it leaves out none."""
    if not isinstance(node, Logic):
        return node
    kept = made.operands if isinstance(made, Logic) and len(node.operands) > 2 else (made,)
    return next(operand for operand in node.operands if not any(operand is each for each in kept))
