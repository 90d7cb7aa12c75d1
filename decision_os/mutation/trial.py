"""Each mistake on trial: whether the cases notice it, whether the tests do, and what would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from decision_os.cases import Case, as_case, as_expected, given_of
from decision_os.cases.trying import Inputs, worth_trying
from decision_os.engine import Engine
from decision_os.errors import DecisionOSError
from decision_os.mutation.mutants import Mutant, mutants
from decision_os.mutation.searching import both_decided, searched
from decision_os.record import DecisionRecord

if TYPE_CHECKING:  # the solver, where there is one
    from decision_os.proofs import Limit

__all__ = ["Score", "Status", "Verdict", "Witness", "try_mutants"]

Status: TypeAlias = Literal["noticed", "survives", "equivalent"]
Tests: TypeAlias = Callable[[Mutant], bool]
"""Whether tests of one's own fail where a mistake is in the rules."""


@attrs.frozen
class Witness:
    """Inputs for which the rule and the mistake decide differently: both records, and the case that would notice it."""

    before: DecisionRecord
    after: DecisionRecord
    case: str

    def __str__(self) -> str:
        return f"it is {_said(self.before)}, and would be {_said(self.after)}"


@attrs.frozen(kw_only=True)
class Verdict:
    """What became of one mistake: `noticed`, by which case or by the tests; `equivalent`, as is proven: nothing can tell it from the rule; or it `survives`.

    A survivor has a witness, unless none was found: then it is not known to differ.
    """

    mutant: Mutant
    status: Status
    by: str = ""
    witness: Witness | None = None

    def __str__(self) -> str:
        if self.status == "noticed":
            return f"{self.mutant}: noticed by {self.by}"
        if self.status == "equivalent":
            return f"{self.mutant}: nothing can tell (proven)"
        if self.witness is None:
            return f"{self.mutant}: survives; not known to differ"
        return f"{self.mutant}: survives; {self.witness}\n    {self.witness.case}"


@attrs.frozen(kw_only=True)
class Score:
    """The verdicts on all mistakes of a rule book, and the share that is noticed of those that could be. `solver`: whether one was there to ask."""

    verdicts: tuple[Verdict, ...]
    solver: bool

    def count(self, status: Status) -> int:
        """How many have that status."""
        return sum(verdict.status == status for verdict in self.verdicts)

    @property
    def percent(self) -> float:
        """The mutation score: mistakes noticed, in per cent of those not proven to be equivalent."""
        of = len(self.verdicts) - self.count("equivalent")
        return 100.0 if of == 0 else 100 * self.count("noticed") / of

    def __str__(self) -> str:
        told = [str(verdict) for verdict in self.verdicts if verdict.status != "noticed"]
        noticed, survive, equivalent = (self.count(status) for status in ("noticed", "survives", "equivalent"))
        share = "100 %" if self.percent == 100 else f"{int(self.percent * 10) / 10:g} %"
        told.append(f"mutation score {share}: of {len(self.verdicts)} mistakes {noticed} noticed, {survive} survive, {equivalent} equivalent")
        if survive and not self.solver:
            told.append('pip install "decision-os[prove]" to find out which of them no input can tell')
        return "\n".join(told)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "percent": self.percent,
            "mistakes": [
                {
                    "id": verdict.mutant.id,
                    "decision": verdict.mutant.node,
                    "kind": verdict.mutant.kind,
                    "words": verdict.mutant.words,
                    "file": verdict.mutant.where.file,
                    "line": verdict.mutant.where.line,
                    "column": verdict.mutant.where.column,
                    "status": verdict.status,
                    "by": verdict.by or None,
                    "case": verdict.witness.case if verdict.witness is not None else None,
                }
                for verdict in self.verdicts
            ],
        }


def try_mutants(engine: Engine, cases: Sequence[Case], *, nodes: Iterable[str] | None = None, tests: Tests | None = None, seconds: float = 60.0) -> Score:
    """Put every mistake into the rules, one at a time and in memory, and see who notices.

    `cases` are decided with each; `tests` is asked about those that no case notices; what neither does is solved for, in at most that many seconds in all
    (extra `prove`; without it, a witness is looked for at the edges of both rules, and nothing is proven). `nodes` are the decisions to try, all unless given.

    Raises `NotFoundError` for a decision that does not exist.
    """
    given = given_of(cases)
    solve, solver = _solver(engine, given, seconds)
    verdicts: list[Verdict] = []
    for node in engine.nodes if nodes is None else nodes:
        own = [case for case in cases if case.node == node]
        verdicts += [_tried(mutant, mutant.engine(engine), own, tests, solve) for mutant in mutants(engine, node)]
    return Score(verdicts=tuple(verdicts), solver=solver)


Solve: TypeAlias = Callable[[Mutant, Engine], tuple[Witness | None, bool]]


def _tried(mutant: Mutant, changed: Engine, cases: Sequence[Case], tests: Tests | None, solve: Solve) -> Verdict:
    noticed = next((case for case in cases if not _same(changed, case)), None)
    if noticed is not None:
        return Verdict(mutant=mutant, status="noticed", by=f"the case `{noticed.name}`")
    witness, equivalent = solve(mutant, changed)
    if equivalent:
        return Verdict(mutant=mutant, status="equivalent")
    if tests is not None and tests(mutant):
        return Verdict(mutant=mutant, status="noticed", by="the tests")
    return Verdict(mutant=mutant, status="survives", witness=witness)


def _same(changed: Engine, case: Case) -> bool:
    try:
        return as_expected(changed, case)
    except DecisionOSError:
        return False


def _solver(engine: Engine, given: Mapping[str, Mapping[str, Any]], seconds: float) -> tuple[Solve, bool]:
    """How a witness is found: solved for, or, where there is no solver, looked for; and which of the two."""

    def witness(mutant: Mutant, changed: Engine, inputs: Mapping[str, Any], choose: Mapping[str, float]) -> Witness:
        before, after = both_decided(engine, mutant, changed, dict(inputs), choose)
        name = f"not {mutant.words}".replace("`", "")
        return Witness(before, after, as_case(name, engine.plan(mutant.node), given.get(mutant.node, {}), inputs, choose, before))

    tried: dict[str, list[Inputs]] = {}

    def search(mutant: Mutant, changed: Engine) -> tuple[Witness | None, bool]:
        shared = given.get(mutant.node, {})
        if mutant.node not in tried:
            tried[mutant.node] = list(worth_trying(engine.plan(mutant.node), shared))
        found = searched(engine, mutant, changed, shared, tried[mutant.node])
        return (None if found is None else witness(mutant, changed, found, {})), False

    try:
        from decision_os.mutation.solving import Telling  # noqa: PLC0415  # the solver, when a mistake goes unnoticed
        from decision_os.proofs import Limit  # noqa: PLC0415  # as above
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        return search, False
    limit: list[Limit] = []
    telling: dict[str, Telling] = {}

    def solve(mutant: Mutant, changed: Engine) -> tuple[Witness | None, bool]:
        limit.extend([] if limit else [Limit(seconds)])  # from the first question on
        if mutant.node not in telling:
            telling[mutant.node] = Telling(engine, mutant.node, given.get(mutant.node, {}), limit[0])
        example, never = telling[mutant.node].apart(changed)
        return (None if example is None else witness(mutant, changed, example.values, example.choose)), never

    return solve, True


def _said(record: DecisionRecord) -> str:
    by = f" by {', '.join(record.blocked_by)}" if record.blocked_by else ""
    action = f" ({record.action})" if record.action else ""
    return f"{record.outcome.value}{action}{by}"
