"""TEMPORARY face of the expression language."""
from decision_os.expr.expression import Analysis, Condition, Explanation, Expression, Function, analyse, analyse_threshold, compile
