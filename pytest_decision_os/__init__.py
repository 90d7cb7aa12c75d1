"""The pytest plugin of Decision OS: `cases.yaml` beside rules are tests, and `--rules-coverage` says what they leave untried.

pytest imports this in every run of an environment that has Decision OS, so that nothing of the library is imported here: only when there is a file
of cases that belongs to a rule book, or coverage is asked for.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_decision_os.finding import is_cases, rules_of

if TYPE_CHECKING:
    from pytest_decision_os.running import CasesFile

__all__ = ["pytest_addoption", "pytest_collect_file", "pytest_configure"]


def _percent(text: str) -> float:
    """A share in percent, as an option gives it."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:  # not a number is neither
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 to 100")
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("decision-os", "rules of Decision OS")
    group.addoption("--rules-coverage", action="store_true", help="report what the decisions of this run leave untried of each condition of the rules")
    group.addoption(
        "--rules-coverage-fail-under",
        type=_percent,
        metavar="PERCENT",
        help="fail where the coverage of a rule book is below that; implies --rules-coverage",
    )
    group.addoption("--rules-functions", metavar="MODULE[:NAME]", help="the Python functions that rule books declare")
    parser.addini("rules_functions", "the Python functions that rule books declare: MODULE[:NAME]", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count decisions, where coverage is asked for; put a mistake into the rules, where `decision-os mutate` runs these tests with one."""
    mutant = os.environ.get("DECISION_OS_MUTANT")
    if mutant:
        from decision_os.mutation import stand_in  # noqa: PLC0415  # the library, when it is asked for

        stand_in(mutant)
    if config.getoption("rules_coverage") or config.getoption("rules_coverage_fail_under") is not None:
        from pytest_decision_os.covering import Covering  # noqa: PLC0415  # the library, when it is asked for

        config.pluginmanager.register(Covering(config), "decision_os_coverage")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CasesFile | None:
    """A file of cases that belongs to a rule book."""
    rules = rules_of(file_path, parent.config.rootpath) if is_cases(file_path) else None
    if rules is None:
        return None
    from pytest_decision_os.running import CasesFile  # noqa: PLC0415  # the library, when there are cases of a rule book

    found: CasesFile = CasesFile.from_parent(parent, path=file_path)
    found.rules = rules
    return found
