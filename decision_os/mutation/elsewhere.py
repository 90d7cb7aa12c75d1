"""A mistake in the rules of another process: tests of one's own are run with each, and load their rules themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from decision_os.engine import Engine
from decision_os.errors import DataError, Issue
from decision_os.model import RuleBook
from decision_os.mutation.mutants import Mutant, mutants

__all__ = ["VARIABLE", "PytestRun", "stand_in"]

VARIABLE: Final = "DECISION_OS_MUTANT"
"""The environment variable that names the mistake: the decision, its id, and the hash of the rule book it is in."""

_FAILED: Final = (1, 2)
"""What pytest exits with where tests failed, or could not be collected."""

_SPARE: Final = 60.0


class PytestRun:
    """Runs pytest once for each mistake, and says whether it failed. A run that takes ten times as long as without one, and a minute, has failed.

    `arguments` are those of pytest. Making one runs pytest without a mistake.

    Raises `DataError` where that fails, or runs nothing.
    """

    def __init__(self, engine: Engine, arguments: Sequence[str]) -> None:
        self.hash = engine.book.hash
        self.arguments = [*arguments]
        began = time.monotonic()
        done = self._run(None, None)
        self.most = 10 * (time.monotonic() - began) + _SPARE
        if done.returncode:
            said = "run no test" if done.returncode == 5 else "fail without any mistake in the rules"
            raise DataError(f"the tests (`pytest {' '.join(self.arguments)}`) {said}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def __call__(self, mutant: Mutant) -> bool:
        """Whether the tests fail where the mistake is in the rules."""
        named = json.dumps({"hash": self.hash, "node": mutant.node, "id": mutant.id})
        try:
            done = self._run(named, self.most)
        except subprocess.TimeoutExpired:
            return True
        if done.returncode and done.returncode not in _FAILED:
            raise DataError(f"pytest went wrong with `{mutant.words}` (exit {done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.returncode != 0

    def _run(self, mutant: str | None, most: float | None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "pytest_decision_os", "-p", "no:cacheprovider", "-x", "-q", *self.arguments]
        with tempfile.TemporaryDirectory() as folder:  # what Hypothesis finds with a mistake in the rules is not to be tried again without
            more = {"HYPOTHESIS_STORAGE_DIRECTORY": folder, **({VARIABLE: mutant} if mutant is not None else {})}
            return subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, timeout=most, check=False)  # noqa: S603  # as asked


def stand_in(named: str) -> None:
    """Put a mistake into the rule book that it belongs to, whenever this process makes an engine of it: for a process that runs tests with it, and ends."""
    wanted: Mapping[str, str] = json.loads(named)
    init = Engine.__init__

    def with_mistake(self: Engine, book: RuleBook, issues: Sequence[Issue] = ()) -> None:
        init(self, book, issues)
        if book.hash == wanted["hash"] and wanted["node"] in book.playbooks:
            mutant = next(each for each in mutants(self, wanted["node"]) if each.id == wanted["id"])
            init(self, attrs.evolve(book, playbooks={**book.playbooks, mutant.node: mutant.playbook}), issues)

    Engine.__init__ = with_mistake  # type: ignore[method-assign]  # the tests make their engines themselves
