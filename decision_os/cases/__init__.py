"""`cases.yaml` beside the rules: inputs and what must come of them, read with their places, decided, and written."""

from __future__ import annotations

from decision_os.cases.checking import as_expected, check, decided
from decision_os.cases.reading import AT, Case, cases_files, given_of, read_cases
from decision_os.cases.writing import as_case

__all__ = ["AT", "Case", "as_case", "as_expected", "cases_files", "check", "decided", "given_of", "read_cases"]
