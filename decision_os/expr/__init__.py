"""The expression language: text in, something that can be evaluated, explained and run over columns out. Knows nothing of rule books."""

from decision_os.expr.expression import (
    Analysis,
    Condition,
    Explanation,
    Expression,
    Flip,
    Function,
    Residual,
    Standing,
    Step,
    analyse,
    analyse_threshold,
    compile,  # noqa: A004 - `dos.compile` is the public name
    compile_threshold,
)
from decision_os.expr.residual import alternatives, kleene, smallest

__all__ = [
    "Analysis",
    "Condition",
    "Explanation",
    "Expression",
    "Flip",
    "Function",
    "Residual",
    "Standing",
    "Step",
    "alternatives",
    "analyse",
    "analyse_threshold",
    "compile",
    "compile_threshold",
    "kleene",
    "smallest",
]
