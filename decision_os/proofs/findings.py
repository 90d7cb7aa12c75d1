"""What was proven of a playbook, and what was not, in words and with inputs that show it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from decision_os.errors import Issue, Severity, Where
from decision_os.proofs.examples import Example

__all__ = ["Finding", "Kind", "Proof"]

Kind: TypeAlias = Literal[
    "overlap", "gap", "not-there", "never-fires", "contradicts-check", "masked", "always-true", "never-true", "zero-divisor", "not-monotone", "not-proven"
]


@attrs.frozen(kw_only=True)
class Finding:
    """One thing proven of a playbook, with the inputs that show it where there are any.

    `branches` are those it is about. `meant` is the reason the rule book gives for it, if it does. `not-proven` is the third answer: the time
    was up, or no example could be shown by the engine.
    """

    kind: Kind
    playbook: str
    branches: tuple[str, ...]
    message: str
    where: Where = Where()
    example: Example | None = None
    meant: str = ""
    severity: Severity = Severity.WARNING

    @property
    def issue(self) -> Issue:
        """The same for a report of findings."""
        example = f": {self.example}" if self.example is not None else ""
        meant = f"meant: {self.meant}" if self.meant else ""
        return Issue(self.kind, f"{self.message}{example}", self.where, Severity.NOTE if self.meant else self.severity, meant)


@attrs.frozen(kw_only=True)
class Proof:
    """Everything found of one playbook; `complete` where every question was answered in time."""

    playbook: str
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing was left open."""
        return not any(finding.kind == "not-proven" for finding in self.findings)

    @property
    def open(self) -> tuple[Finding, ...]:
        """What is neither proven fine, nor settled by the hit policy or by `otherwise`, nor marked as meant: what `lint --prove` exits 1 on."""
        return tuple(finding for finding in self.findings if finding.issue.severity is not Severity.NOTE)
