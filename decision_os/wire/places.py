"""Where the expressions of a playbook stand in its file: for findings about a part of one, after loading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from decision_os.errors import Where
from decision_os.expr.place import place
from decision_os.model import Playbook
from decision_os.wire.fields import place_in
from decision_os.wire.nodes import MapNode, Node, ScalarNode, read_nodes

__all__ = ["Places", "places_of"]


@attrs.frozen
class Places:
    """The nodes of a playbook's expressions, by section and name (`branches`, `pause`)."""

    playbook: Playbook
    nodes: dict[tuple[str, str], Node]

    def at(self, section: str, name: str, text: str, offset: int) -> Where:
        """The place of an offset in the text of an expression; that of the playbook where its file says no more."""
        node = self.nodes.get((section, name))
        return place_in(node, *place(text, offset)) if node is not None else self.playbook.where


def places_of(playbook: Playbook) -> Places:
    """Read the file of a playbook once more, for the places alone. A file that is gone, or no longer holds it, gives none."""
    try:
        root, _ = read_nodes(Path(playbook.where.file).read_text(encoding="utf-8-sig"), playbook.where.file)
    except (OSError, UnicodeDecodeError):
        root = None
    own = _own(root, playbook.id) if isinstance(root, MapNode) else None
    return Places(playbook, dict(_expressions(own)) if own is not None else {})


def _own(root: MapNode, name: str) -> MapNode | None:
    single = root.get("playbook")
    if isinstance(single, ScalarNode):
        return root if single.text == name else None
    section = root.get("playbooks")
    found = section.get(name) if isinstance(section, MapNode) else None
    return found if isinstance(found, MapNode) else None


def _expressions(playbook: MapNode) -> Iterator[tuple[tuple[str, str], Node]]:
    for section in ("pre_checks", "branches", "projections", "thresholds"):
        for key, node in _items(playbook.get(section)):
            when = node.get("when") if isinstance(node, MapNode) and section in ("pre_checks", "branches") else node
            if when is not None:
                yield (section, key), when


def _items(section: Node | None) -> Iterator[tuple[str, Node]]:
    if isinstance(section, MapNode):
        yield from ((key.text, node) for key, node in section.items)
