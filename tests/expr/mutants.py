"""`python -m tests.expr.mutants`: mistakes planted in the evaluators, and by which comparison the property finds each.

A mutant is a change of the source of one module: `old` must stand there exactly once. The four modules are loaded anew under their own names
with the change in, and put away again; what runs in between is the property of `agreement` over trees and inputs grown from a seed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from unittest import mock

import attrs

import decision_os.expr
from decision_os.errors import ExpressionError
from tests.expr import agreement, growth

MODULES = ("arithmetic", "source", "reference", "compiler")
"""In the order in which they import each other."""

FOLDER = Path(decision_os.expr.__file__).parent


@attrs.frozen
class Mutant:
    """One mistake: what it is, and the change of a module's source that makes it."""

    name: str
    module: str
    old: str
    new: str

    @property
    def source(self) -> str:
        """The module with the mistake in it."""
        text = (FOLDER / f"{self.module}.py").read_text(encoding="utf-8")
        count = text.count(self.old)
        assert count == 1, f"`{self.name}`: `{self.old}` stands {count} times in {self.module}.py: mend the list of mutants"
        return text.replace(self.old, self.new)


ARITHMETIC = (
    Mutant("`<` includes equality", "arithmetic", '"<": lambda d, t: d < -t', '"<": lambda d, t: d <= t'),
    Mutant("`<=` excludes equality", "arithmetic", '"<=": lambda d, t: d <= t', '"<=": lambda d, t: d < -t'),
    Mutant("`>` by plain floats", "arithmetic", '">": lambda d, t: d > t', '">": lambda d, t: d > 0'),
    Mutant("`>=` by plain floats", "arithmetic", '">=": lambda d, t: d >= -t', '">=": lambda d, t: d >= 0'),
    Mutant("`==` by plain floats", "arithmetic", '"==": lambda d, t: -t <= d <= t', '"==": lambda d, t: d == 0'),
    Mutant("`!=` by plain floats", "arithmetic", '"!=": lambda d, t: not -t <= d <= t', '"!=": lambda d, t: d != 0'),
    Mutant("a comparison counts one side's bound", "arithmetic", "left[0] - right[0], left[1] + right[1])", "left[0] - right[0], left[1])"),
    Mutant(
        "a sum forgets the bounds of its terms",
        "arithmetic",
        "value = left[0] + right[0]\n    return _finite(value, (left[1] + right[1]) +",
        "value = left[0] + right[0]\n    return _finite(value,",
    ),
    Mutant(
        "a difference forgets the bounds of its terms",
        "arithmetic",
        "value = left[0] - right[0]\n    return _finite(value, (left[1] + right[1]) +",
        "value = left[0] - right[0]\n    return _finite(value,",
    ),
    Mutant("a product forgets the bound of its first factor", "arithmetic", "(abs(a) * eb + abs(b) * ea) + (ea * eb", "(abs(a) * eb) + (ea * eb"),
    Mutant("a product forgets its own rounding", "arithmetic", "(ea * eb + ROUNDING * abs(value))", "(ea * eb)"),
    Mutant("a quotient forgets the bound of its divisor", "arithmetic", "(ea + abs(value) * eb) / (abs(b) - eb)", "ea / (abs(b) - eb)"),
    Mutant("a quotient forgets the bound of its dividend", "arithmetic", "(ea + abs(value) * eb) / (abs(b) - eb)", "(abs(value) * eb) / (abs(b) - eb)"),
    Mutant("a divisor that cannot be told from zero divides", "arithmetic", "if abs(b) <= eb:", "if b == 0:"),
    Mutant("only a divisor far from zero divides", "arithmetic", "if abs(b) <= eb:", "if abs(b) <= 1e-9:"),
    Mutant("an input counts as exact", "arithmetic", "return value, ROUNDING * abs(value)\n\n\ndef constant", "return value, 0.0\n\n\ndef constant"),
    Mutant("a literal counts as exact", "arithmetic", "0.0 if Fraction(nearest) == exact else ROUNDING * abs(nearest)", "0.0"),
    Mutant("`min` and `max` change places", "arithmetic", "value = min(value for value, _ in terms)", "value = max(value for value, _ in terms)"),
    Mutant("`max` has the smallest bound", "arithmetic", "return value, max(error - (value - other)", "return value, min(error - (value - other)"),
    Mutant("`min` has the bound of all", "arithmetic", "max(error - (other - value) for other, error in terms)", "max(error for _, error in terms)"),
    Mutant("`abs` keeps the sign", "arithmetic", "return abs(term[0]), term[1]", "return term"),
    Mutant("an overflow is a number", "arithmetic", "if -inf < value < inf and error < inf else OVERFLOW", "if True else OVERFLOW"),
)

REFERENCE = (
    Mutant("unknown counts as false in `and` and `or`", "reference", "return Unknown.merged(unknowns) if unknowns else not decider", "return not decider"),
    Mutant("an unknown operand ends `and` and `or`", "reference", "unknowns.append(answer)\n            elif", "return answer\n            elif"),
    Mutant("`or` runs as `and`", "reference", 'self._kleene(node.op == "or",', 'self._kleene(node.op == "and",'),
    Mutant("an interval includes its open lower end", "reference", '">=" if where.low_closed else ">"', '">="'),
    Mutant("an interval excludes its closed upper end", "reference", '"<=" if where.high_closed else "<"', '"<"'),
    Mutant("`not in` is `in`", "reference", "answer is not node.negated", "answer"),
    Mutant("a chain compares with its first operand", "reference", "side(place), side(place + 1)", "side(0), side(place + 1)"),
    Mutant(
        "an unknown condition chooses the last value",
        "reference",
        "if isinstance(condition, Unknown):\n            return condition\n",
        "if isinstance(condition, Unknown):\n            return self._eval(node.otherwise)\n",
    ),
    Mutant(
        "`coalesce` takes its last value",
        "reference",
        "for argument in arguments:\n            term",
        "for argument in reversed(list(arguments)):\n            term",
    ),
    Mutant("`clip` forgets its upper end", "reference", "arithmetic.least((arithmetic.greatest(terms[:2]), terms[2]))", "arithmetic.greatest(terms[:2])"),
)

CLOSURES = (
    Mutant(
        "closures: an unknown operand ends `and` and `or`",
        "compiler",
        "            if isinstance(answer, Unknown):\n                unknowns.append(answer)\n        return _merged",
        "            if isinstance(answer, Unknown):\n                return answer\n        return _merged",
    ),
    Mutant(
        "closures: `not` of unknown is true",
        "compiler",
        "answer = test(values)\n        return answer if isinstance(answer, Unknown) else not answer",
        "answer = test(values)\n        return True if isinstance(answer, Unknown) else not answer",
    ),
    Mutant("closures: an input has half its rounding", "compiler", "return raw, ROUNDING * abs(raw)", "return raw, ROUNDING * abs(raw) / 2"),
    Mutant("closures: a chain compares with its first operand", "compiler", "                left = right\n\n", "\n"),
    Mutant("closures: an infinity is a number", "compiler", "if type(raw) is float and as_given and -inf < raw < inf:", "if type(raw) is float and as_given:"),
    Mutant("closures: an input in days is read as hours", "compiler", "self.settled, node.scale == 1", "self.settled, True"),
    Mutant(
        "closures: two unknowns give one reason",
        "compiler",
        "return Unknown.merged((left, right)) if isinstance(right, Unknown) else left\n            return right",
        "return left\n            return right",
    ),
)

FAST_PATH = (
    Mutant(
        "fast path: a literal's boundary is one float off",
        "source",
        "            return repr(found)\n        found = beyond",
        "            return repr(beyond)\n        found = beyond",
    ),
    Mutant(
        "fast path: a literal's boundary is the literal",
        "source",
        "    found = constant[0]\n    for _ in range(64):",
        "    return repr(constant[0])\n    found = constant[0]\n    for _ in range(64):",
    ),
    Mutant("fast path: `>` has the boundary of `>=`", "source", '("<=", inf) if op in ("<=", ">") else', '("<=", inf) if op == "<=" else'),
    Mutant(
        "fast path: a comparison with a literal skips its guard",
        "source",
        'return f"({test} if N < {part.code} < I else bail())"',
        'return f"({test} if {part.code} == {part.var} else bail())"',
    ),
    Mutant("fast path: close sides are decided by squares", "source", "factor = (4 * (left.count + right.count) * ROUNDING) ** 2 * loose", "factor = 0.0"),
    Mutant("fast path: positive sides are decided without a hair", "source", "hair = 8 * (left.count + right.count) * ROUNDING", "hair = 0.0"),
    Mutant(
        "fast path: a sum has one sign whatever its terms have", "source", 'return "".join(f" and {name} > 0.0"', 'return "" and "".join(f" and {name} > 0.0"'
    ),
    Mutant("fast path: a divisor near zero divides", "source", "apart = (4 * right.count * ROUNDING) ** 2 * right.loose", "apart = 0.0"),
    Mutant(
        "fast path: a mirrored comparison is not mirrored", "source", '_MIRRORED: Final = {"<": ">", "<=": ">=",', '_MIRRORED: Final = {"<": "<", "<=": ">=",'
    ),
    Mutant(
        "fast path: a set is tested by float equality",
        "source",
        "test = f\"{_boundary('>=', constant)} <= {part.var} <= {_boundary('<=', constant)}\"",
        'test = f"{part.var} == {constant[0]!r}"',
    ),
    Mutant("fast path: an interval's closed end is open", "source", "{'<=' if where.low_closed else '<'}", "{'<'}"),
    Mutant(
        "fast path: literals fold to the float beside",
        "source",
        '            found = {"+": arithmetic.add,',
        '            left = (math.nextafter(left[0], inf), left[1])\n            found = {"+": arithmetic.add,',
    ),
    Mutant("fast path: `min` takes the larger of two", "source", '"<=" if node.function == "min" else ">="', '">="'),
    Mutant("fast path: `False` is read as 0", "source", "if type(raw) is int and -EXACT_INTEGER", "if isinstance(raw, int) and -EXACT_INTEGER"),
)

MUTANTS = (*ARITHMETIC, *REFERENCE, *CLOSURES, *FAST_PATH)


def planted(mutant: Mutant) -> agreement.Evaluators:
    """The evaluators with the mistake in one of their modules."""
    package = decision_os.expr
    loaded: dict[str, ModuleType] = {}
    with mock.patch.dict(sys.modules), mock.patch.multiple(package, **{name: getattr(package, name) for name in MODULES}):
        for name in MODULES:
            sys.modules.pop(f"{package.__name__}.{name}")
        for name in MODULES:
            module = ModuleType(f"{package.__name__}.{name}")
            sys.modules[module.__name__] = module
            setattr(package, name, module)
            path = FOLDER / f"{name}.py"
            text = mutant.source if name == mutant.module else path.read_text(encoding="utf-8")
            exec(compile(text, str(path), "exec"), module.__dict__)
            loaded[name] = module
    return agreement.Evaluators(loaded["arithmetic"], loaded["compiler"], loaded["reference"])


@attrs.frozen
class Kill:
    """What found a mutant, and after how many pairs of expression and inputs."""

    comparison: str
    pairs: int


def killed(mutant: Mutant, *, seed: int = 1, most: int = 200_000, inputs: int = 24) -> Kill | None:
    """Run the property against a mutant until it fails; nothing if it holds for `most` pairs."""
    evaluators = planted(mutant)
    tally: Counter[str] = Counter()
    for subject, several in grown(seed, inputs):
        try:
            found = agreement.disagreement(subject, several, tally, evaluators)
        except Exception as error:  # noqa: BLE001 - whatever a mutant raises, it is found out by it
            return Kill(f"raises {type(error).__name__}", tally["pairs"])
        if found is not None:
            return Kill(found.comparison, tally["pairs"])
        if tally["pairs"] >= most:
            return None
    return None


def grown(seed: int, inputs: int) -> Iterator[tuple[agreement.Subject, Iterator[dict[str, object]]]]:
    """Endlessly many subjects, and some inputs for each."""
    rng = random.Random(seed)
    grower = growth.Grower(rng)
    while True:
        try:
            subject = agreement.Subject.of(grower.tree(rng.choice((1, 2, 2, 3))), grower.scales())
        except ExpressionError:
            continue  # beyond a cap
        yield subject, islice(growth.inputs(subject.tree, rng), inputs)


def main() -> int:
    """Plant every mutant; print the table."""
    options = argparse.ArgumentParser(prog="python -m tests.expr.mutants", description="Planted mistakes, and what finds them.")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--most", type=int, default=200_000, help="pairs after which a mutant counts as alive (default %(default)s)")
    chosen = options.parse_args()
    alive = 0
    print("| mutant | in | killed by | after pairs |\n| --- | --- | --- | --- |")
    for mutant in MUTANTS:
        kill = killed(mutant, seed=chosen.seed, most=chosen.most)
        alive += kill is None
        print(f"| {mutant.name} | `{mutant.module}` | " + (f"{kill.comparison} | {kill.pairs:,} |" if kill else "**alive** | |"), flush=True)
    print(f"\n{len(MUTANTS) - alive} of {len(MUTANTS)} killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
