"""How good the tests of a rule book are: small mistakes are put into its rules, one at a time, and the tests have to notice each."""

from __future__ import annotations

from decision_os.mutation.elsewhere import VARIABLE, PytestRun, stand_in
from decision_os.mutation.mutants import Kind, Mutant, mutants
from decision_os.mutation.trial import Score, Status, Verdict, Witness, try_mutants

__all__ = ["VARIABLE", "Kind", "Mutant", "PytestRun", "Score", "Status", "Verdict", "Witness", "mutants", "stand_in", "try_mutants"]
