"""Everything that can be known of a rule book without data, beyond what reading its files finds."""

from __future__ import annotations

from decision_os.errors import Issue
from decision_os.lint.advice import advice
from decision_os.lint.flow import Flow
from decision_os.lint.grains import grains
from decision_os.lint.promises import promises
from decision_os.model import RuleBook

__all__ = ["check"]


def check(book: RuleBook) -> tuple[Issue, ...]:
    """Every finding about a rule book, in the order of their places. Nothing is evaluated, and no rule book makes it raise.

    Errors, which make a rule book unusable: `cycle`, `grains-do-not-meet`, `unknown-grain`, `no-time`, `averaged-ratio`, `finer-input`,
    `label-twice`, `subject-not-read`, `unknown-role`, `not-ordered`. Warnings: `no-unit`, `hidden-zero`, `uncovered-source`, and of promises `never-met`,
    `no-budget`, `short-window`, `always-stale`, `alert-never-fires`, `alert-always-fires`, `late-alert`. Notes: `taken-together`, `unread-metric`,
    `unknown-monitor`, `unused-role`, `cannot-miss-one`, `small-sample`, `idle-promise`, and `hidden-zero` where a QA test bounds what the guard lets through.

    >>> check(RuleBook(id="empty", version="1", zone="UTC"))
    ()
    """
    flow = Flow(book)
    return tuple(sorted(dict.fromkeys([*grains(book, flow), *advice(book, flow), *promises(book)]), key=lambda issue: (issue.where, issue.code, issue.message)))
