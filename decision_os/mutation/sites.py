"""Where a mistake can be made in an expression, and the tree with it made.

A place is named by whose text it stands in (the expression's own, or that of a definition it uses), its offsets there and its type, so that a
threshold is changed alike wherever it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import attrs

from decision_os.expr.tree import NODE_TYPES, Comparison, Defined, Membership, Node, children

__all__ = ["OWN", "Change", "Site", "changed", "sites"]

OWN: Final = ""
"""The expression's own text, where others are named by their definition."""

Change: TypeAlias = Callable[[Any], Node]
"""The node as it stands → the node with the mistake."""


@attrs.frozen
class Site:
    """A node, and whose text it stands in.

    `within` is the comparison or membership around it in that text (all of the text where there is none), `asked` the same through definitions.
    """

    owner: str
    node: Node
    within: Node
    asked: Node

    @property
    def key(self) -> tuple[str, tuple[int, int], str]:
        """What names it."""
        return self.owner, self.node.span, type(self.node).__name__


def sites(tree: Node) -> Iterator[Site]:
    """Every node of a tree, those of definitions in their own text."""
    return _below(tree, OWN, tree, tree)


def _below(node: Node, owner: str, within: Node, asked: Node) -> Iterator[Site]:
    if isinstance(node, Comparison | Membership):
        within = asked = node
    yield Site(owner, node, within, asked)
    if isinstance(node, Defined):
        yield from _below(node.body, node.name, node.body, asked)
        return
    for child in children(node):
        yield from _below(child, owner, within, asked)


def changed(tree: Node, key: tuple[str, tuple[int, int], str], change: Change, *, owner: str = OWN) -> Node:
    """The tree with every node of that name changed."""
    if (owner, tree.span, type(tree).__name__) == key:
        return change(tree)
    if isinstance(tree, Defined):
        body = changed(tree.body, key, change, owner=tree.name)
        return tree if body is tree.body else attrs.evolve(tree, body=body)
    parts: dict[str, Any] = {}
    for field in attrs.fields(type(tree)):
        part = getattr(tree, field.name)
        if isinstance(part, NODE_TYPES):
            made: Any = changed(part, key, change, owner=owner)
            if made is not part:
                parts[field.name] = made
        elif isinstance(part, tuple) and part and isinstance(part[0], NODE_TYPES):
            several = tuple(changed(each, key, change, owner=owner) for each in part)
            if any(new is not old for new, old in zip(several, part, strict=True)):
                parts[field.name] = several
    return attrs.evolve(tree, **parts) if parts else tree
