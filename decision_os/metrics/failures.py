"""What failed tests withhold and set in motion, gathered while values are worked out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import attrs

from decision_os.model import BreakAction, Metric, QaTest, RuleBook
from decision_os.record import Effect

__all__ = ["Block", "Failures", "withholds"]

_NAMED_KEYS: Final = 20


@attrs.frozen(order=True)
class Block:
    """A value that is withheld because a test failed: the metric and key, the test, and the path from where it failed to this metric.

    The path starts with an entity where a row test failed, with a metric where one of its QA tests did.
    """

    metric: str
    key: str
    test: str
    path: tuple[str, ...]


def withholds(action: BreakAction) -> bool:
    """Whether a break action keeps the value from being published; one that only notifies does not."""
    return action.block or action.quarantine is not None


class Failures:
    """The failed QA tests by metric, and the values withheld; the same failure seen twice counts once."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._keys: dict[tuple[str, str], set[str]] = {}
        self._blocks: set[Block] = set()

    def failed(self, metric: Metric, test: QaTest, key: str) -> None:
        """Note that a test failed for a key."""
        self._keys.setdefault((metric.id, test.name), set()).add(key)

    def blocked(self, metric: Metric, key: str, failures: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Note that a value is withheld by those tests, each with its path."""
        self._blocks |= {Block(metric.id, key, test, path) for test, path in failures}

    def has(self, metric: Metric, test: QaTest) -> bool:
        """Whether a test failed for any key so far."""
        return (metric.id, test.name) in self._keys

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every value withheld so far, sorted."""
        return tuple(sorted(self._blocks))

    @property
    def effects(self) -> tuple[Effect, ...]:
        """One effect for each metric, failed test and kind of effect, the keys named in its reason."""
        return tuple(
            _effect(metric, test, kind, sorted(self._keys[metric.id, test.name]))
            for metric in sorted(self._book.metrics.values(), key=lambda metric: metric.id)
            for test in metric.qa_tests
            if self.has(metric, test)
            for kind in test.break_action.effects
        )


def _effect(metric: Metric, test: QaTest, kind: str, keys: Sequence[str]) -> Effect:
    """`page owner` pages the metric's owner, `page finance` that role; an incident or a repair is about the metric."""
    verb, _, whom = kind.partition(" ")
    target = (metric.owner if whom == "owner" else whom) or metric.id
    more = f" and {len(keys) - _NAMED_KEYS:,} more" if len(keys) > _NAMED_KEYS else ""
    reason = f"metric `{metric.id}`: test `{test.name}` failed for {'; '.join(keys[:_NAMED_KEYS])}{more}"
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]
    return Effect(kind=verb, target=target, reason=reason, key=f"{metric.id}:{test.name}:{kind}:{digest}")
