"""The expression language: text in, something that can be evaluated, explained and run over columns out. Knows nothing of rule books."""

from decision_os.expr.arithmetic import Function
from decision_os.expr.explanation import Condition, Explanation
from decision_os.expr.expression import Expression
from decision_os.expr.flips import Flip
from decision_os.expr.residual import Residual, Standing, alternatives, kleene, smallest
from decision_os.expr.tracing import Step
from decision_os.expr.vocabulary import (
    Analysis,
    Readings,
    Vocabulary,
    analyse,
    analyse_threshold,
    compile,  # noqa: A004 - `dos.compile` is the public name
    compile_threshold,
)

__all__ = [
    "Analysis",
    "Condition",
    "Explanation",
    "Expression",
    "Flip",
    "Function",
    "Readings",
    "Residual",
    "Standing",
    "Step",
    "Vocabulary",
    "alternatives",
    "analyse",
    "analyse_threshold",
    "compile",
    "compile_threshold",
    "kleene",
    "smallest",
]
