"""Property tests of a rule book: inputs solved for its own thresholds, and properties that hold of every decision, one line each.

Needs `hypothesis` (extra `testing`); it is imported here and nowhere else in the package.
"""

from __future__ import annotations

from decision_os.errors import NotFoundError

try:
    import hypothesis as _hypothesis  # noqa: F401  # tried first, so that who lacks it is told what to install
except ModuleNotFoundError as _error:
    if _error.name != "hypothesis":
        raise
    raise NotFoundError('property tests need Hypothesis: pip install "decision-os[testing]"') from None

from decision_os.testing.draws import inputs, inputs_for
from decision_os.testing.loads import load_logs
from decision_os.testing.properties import (
    exactly_one_branch,
    frame_agrees,
    keeps_its_promises,
    never_acts_on_an_unknown,
    reversible,
    scales_with_money,
    stable,
)
from decision_os.testing.subject import AT, Subject, playbook
from decision_os.testing.tables import frames

__all__ = [
    "AT",
    "Subject",
    "exactly_one_branch",
    "frame_agrees",
    "frames",
    "inputs",
    "inputs_for",
    "keeps_its_promises",
    "load_logs",
    "never_acts_on_an_unknown",
    "playbook",
    "reversible",
    "scales_with_money",
    "stable",
]
