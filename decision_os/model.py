"""The rule book as data: frozen classes, one for each thing a rule folder can say. Nothing is parsed or evaluated here.

Field names are the keys of the rule files. `Expression`, `Unit`, `FreshnessSLO` and `Cadence` arrive compiled; `where` says where in the
files the thing stands, and takes no part in equality.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from decision_os.calendars import Cadence
from decision_os.errors import NotFoundError, Where, nearest
from decision_os.expr import Expression, Function
from decision_os.readonly import read_only
from decision_os.slo import FreshnessSLO
from decision_os.units import Unit

__all__ = [
    "APPROVALS_HOLD",
    "HOLD",
    "REVERSAL_KINDS",
    "TIME_GRAINS",
    "Action",
    "Baseline",
    "Binding",
    "Branch",
    "BreakAction",
    "Column",
    "Combine",
    "DemandForm",
    "Entity",
    "Fact",
    "Freeze",
    "HitPolicy",
    "InputUse",
    "Lever",
    "MeantGap",
    "Measure",
    "Metric",
    "Monitor",
    "Monotonicity",
    "NamedCheck",
    "Parameter",
    "Playbook",
    "QaTest",
    "Reversal",
    "ReviewCadence",
    "Risk",
    "Role",
    "RowTest",
    "RuleBook",
    "Slo",
    "Source",
    "Subject",
    "Sustained",
    "Threshold",
    "time_grain",
]

T = TypeVar("T")

HOLD = "hold"
"""How an order of actions names doing nothing."""

TIME_GRAINS = ("day", "week", "month", "quarter", "year")

APPROVALS_HOLD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "high": {"low": "30d", "medium": "14d", "high": "7d"},
        "medium": {"low": "14d", "medium": "7d", "high": "3d"},
        "low": {"low": "7d", "medium": "3d", "high": "1d"},
    }
)
"""How long an approval holds unless the rule book says otherwise: reversibility → risk → duration. The harder to undo and the riskier, the shorter."""


REVERSAL_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "feature_flag": ("flag", "to"),
        "price_card": ("flag", "to"),
        "budget_split": (),
        "audience_filter": ("flag", "to"),
        "routing_flag": ("flag", "to", "replay"),
        "manual": (),
    }
)
"""By what means an action can be undone, and the keys each of them needs. A budget goes back to what its lever was before."""


def time_grain(name: str) -> str | None:
    """The calendar grain that a grain entry stands for, or None for an ordinary dimension.

    >>> time_grain("cohort_month"), time_grain("week"), time_grain("segment")
    ('month', 'week', None)
    """
    tail = name.rsplit("_", 1)[-1]
    return tail if tail in TIME_GRAINS else None


def _mapping() -> Any:
    return attrs.field(factory=dict, converter=read_only, hash=False)


def _where() -> Any:
    return attrs.field(factory=Where, eq=False, repr=False, kw_only=True)


class Combine(StrEnum):
    """How an input of a finer grain than the subject is brought to one answer."""

    ALL = "all"
    ANY = "any"
    WORST = "worst"


class HitPolicy(StrEnum):
    """Which of the branches that hold are taken."""

    FIRST = "first"
    UNIQUE = "unique"
    COLLECT = "collect"


@attrs.frozen(kw_only=True)
class BreakAction:
    """What a failed test does: quarantine the row (under a name), or block publishing; and whom or what it sets in motion.

    `scope` is `key` (the failing keys) or `metric` (all of it). `effects` are of page, notify, incident, repair.
    """

    text: str
    quarantine: str | None = None
    block: bool = False
    scope: str = "key"
    effects: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Role:
    """Somebody who may own or approve, under an id and the other names people use."""

    id: str
    label: str
    aliases: tuple[str, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class ReviewCadence:
    """When a kind of decision is considered, and what is on the agenda."""

    id: str
    when: Cadence
    agenda: tuple[str, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Slo:
    """A freshness objective and the sources it covers."""

    id: str
    objective: FreshnessSLO
    covers: tuple[str, ...]
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Source:
    """Where data comes from. `max_age` is the age beyond which it is stale; unless said, the bound of its SLO.

    `loaded_every` is how often it is loaded when all goes well: nothing is decided by it, but objectives and alerts are checked against it. `dbt`
    names its tables as dbt does.
    """

    id: str
    label: str = ""
    owner: str = ""
    max_age: dt.timedelta | None = None
    loaded_every: dt.timedelta | None = None
    dbt: tuple[str, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Column:
    """One typed column of an entity: `from` names it in the export.

    `type` is one of identifier, text, category, integer, number, money, share, date, instant, month, boolean. `blanks` are texts that mean
    missing besides the empty one; `formats` the date forms tried in order (`%m/%d/%Y`).
    """

    id: str
    source_name: str
    type: str
    enum: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ("--",)
    formats: tuple[str, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class RowTest:
    """A contract test over the rows of an entity: exactly one of the kinds is given.

    `assertion` is a condition over the row's columns: an unknown answer fails only where `required` lists the column.
    """

    id: str
    kind: str
    """One of `schema`, `enum`, `range`, `required`, `assert`, `unique`, `reference`."""
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    assertion: Expression | None = None
    entity: str = ""
    break_action: BreakAction
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Entity:
    """Cleaned rows of one source: typed columns, a key, and the tests each row must pass."""

    id: str
    source: str
    file: str = ""
    key: tuple[str, ...]
    columns: Mapping[str, Column] = _mapping()
    tests: tuple[RowTest, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Fact:
    """Rows of an entity, filtered and widened.

    `lookups` maps a new column to (entity, column, own column that holds its key); `derive` maps a new column to a formula over the row.
    `time` is the date column its periods are counted by.
    """

    id: str
    entity: str
    filter: Expression | None = None
    lookups: Mapping[str, tuple[str, str, str]] = _mapping()
    elapsed: Mapping[str, tuple[str, str]] = _mapping()
    """A new column of seconds: from the first instant to the second."""
    derive: Mapping[str, Expression] = _mapping()
    time: str = ""
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Measure:
    """An aggregate of a fact.

    `aggregate` is one of sum, mean, min, max, count, count_distinct, share, gini. `of` is the column (for `share` and `gini`: `condition` is the
    condition whose share is taken, `of` the member column whose rows are counted). `members` names the entity column that lists every member, those
    with nothing included. `rows` is `passed` or `all`.
    """

    fact: str
    aggregate: str
    of: str = ""
    condition: Expression | None = None
    members: tuple[str, str] | None = None
    rows: str = "passed"
    time: str = ""
    empty: float | None = None
    """What a sum over no rows is (its null policy); None leaves it unknown. A count over no rows is 0."""


@attrs.frozen(kw_only=True)
class Binding:
    """What one name of a formula stands for.

    `input` is a metric. `roll_up` is `ratio_of_sums`, `sum` or `mean` where the input's grain is finer. `dimensions` renames (this
    metric's grain entry → the input's column or grain entry). `allocate` says, for each grain entry the input lacks, how it is spread: `same` gives every
    finer key the coarser value. `overall` lists grain entries to leave out on purpose (the value over all of them).
    """

    input: str
    roll_up: str = ""
    dimensions: Mapping[str, str] = _mapping()
    allocate: Mapping[str, str] = _mapping()
    overall: tuple[str, ...] = ()
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Baseline:
    """The value of another metric for the same key over the trailing mature periods before each period."""

    of: str
    trailing: int
    grain: str


@attrs.frozen(kw_only=True)
class Sustained:
    """Whether a condition over other metrics held in each of the last `periods` periods of `grain`; too little history is unknown."""

    condition: Expression
    periods: int
    grain: str


@attrs.frozen(kw_only=True)
class QaTest:
    """A contract test over the values of a metric."""

    name: str
    assertion: Expression
    break_action: BreakAction
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Metric:
    """A contract: what the metric means, how it is computed, what it must pass, who owns it.

    Exactly one of `measure`, `formula`, `baseline`, `sustained` or `reading` says where values come from; a reading is computed elsewhere and
    arrives from `source`. Any metric may also be supplied ready-made. `result` is the name its formula gives it (`payback_months`).
    """

    id: str
    label: str
    definition: str = ""
    unit: Unit | None = None
    grain: tuple[str, ...] = ()
    owner: str = ""
    inputs: tuple[str, ...] = ()
    measure: Measure | None = None
    formula: Expression | None = None
    result: str = ""
    bindings: Mapping[str, Binding] = _mapping()
    baseline: Baseline | None = None
    sustained: Sustained | None = None
    reading: bool = False
    text: bool = False
    """The values are texts (a link, a name), not numbers."""
    source: str = ""
    n: str = ""
    """The metric that counts what this one is a share or a mean of."""
    min_n: int | None = None
    maturity: dt.timedelta | None = None
    max_quarantined: float = 0.01
    precision: int | None = None
    """Digits after the point its values are declared to have; None keeps 12 significant digits."""
    valid_range: Expression | None = None
    qa_tests: tuple[QaTest, ...] = ()
    version: str = "1"
    hash: str = ""
    where: Where = _where()

    @property
    def whole(self) -> bool:
        """Whether its values are whole: one kind of thing, counted and not worked out, nor the mean of several counts."""
        worked_out = self.formula is not None or self.baseline is not None or (self.measure is not None and self.measure.aggregate == "mean")
        return self.unit is not None and self.unit.whole and not worked_out

    @property
    def decimals(self) -> int | None:
        """How many digits after the point its values have: none where whole things are counted, else those of its declared precision; None for any number."""
        return 0 if self.whole else self.precision

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The grain entries that are not periods."""
        return tuple(entry for entry in self.grain if time_grain(entry) is None)

    @property
    def period(self) -> str:
        """The grain entry that is a period, or nothing."""
        return next((entry for entry in self.grain if time_grain(entry)), "")


@attrs.frozen(kw_only=True)
class Subject:
    """What one decision is about. `keys` are the dimensions that tell subjects apart; with none there is one subject, called `id`."""

    id: str
    label: str = ""
    keys: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class InputUse:
    """One input of a playbook: the name its conditions use, and the metric that fills it.

    `combine` settles inputs with more dimensions than the subject, over the dimensions in `by` (unless said, all of them); `worst`
    takes the `max` or the `min`. `overall` leaves out the
    subject's own keys. `lag` reads that many periods back.
    """

    name: str
    metric: str
    combine: Combine | None = None
    by: tuple[str, ...] = ()
    worst: str = ""
    overall: bool = False
    lag: int = 0
    where: Where = _where()


@attrs.frozen(kw_only=True)
class NamedCheck:
    """A pre-check: false or unknown blocks the decision."""

    id: str
    condition: Expression
    label: str = ""
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Threshold:
    """A named, typed value that branches compare against. `text` is as the author wrote it."""

    name: str
    text: str
    value: Expression
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Parameter:
    """What a person may choose when acting: a range, and the value taken when nothing is chosen."""

    name: str
    range: Expression
    default: float
    unit: Unit | None = None
    label: str = ""
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Lever:
    """What an action moves: its value before and after, as formulas over the names in scope."""

    name: str
    before: Expression
    after: Expression
    unit: Unit | None = None


@attrs.frozen(kw_only=True)
class Action:
    """What a branch does, in all its parts. `text` may name parameters in braces: `+{list_price_step} list`."""

    id: str
    text: str
    parts: tuple[str, ...] = ()
    lever: Lever | None = None
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Branch:
    """A condition and the action taken when it holds."""

    id: str
    condition: Expression
    action: str
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Risk:
    """How bad a wrong decision is for one cycle."""

    level: str
    note: str = ""


@attrs.frozen(kw_only=True)
class Reversal:
    """How an action is undone: the plan's reference, by what means, and how fast. `within` is a duration or `next cycle`.

    `kind` is one of `REVERSAL_KINDS`; `flag` is set to the variant `to`, and the messages that the queue `replay` held back are sent again.
    """

    plan: str
    steps: tuple[str, ...]
    within: str
    owner: str = ""
    kind: str = "manual"
    flag: str = ""
    to: str = ""
    replay: str = ""


@attrs.frozen(kw_only=True)
class DemandForm:
    """How demand is taken to answer a change: `linear` is 1 + E × change, `constant_elasticity` is (1 + change) ** E. `source` says whence."""

    form: str
    ratio: Expression
    text: str
    source: str = ""


@attrs.frozen(kw_only=True)
class Monitor:
    """What is watched after acting: a condition that must keep holding, how often, and for how long.

    `forecast` is the formula of what is expected, over the names the playbook decides on.
    """

    id: str
    metric: str
    condition: str
    every: str = ""
    lasts: str = ""
    forecast: Expression | None = None
    min_n: int | None = None
    where: Where = _where()


@attrs.frozen(kw_only=True)
class MeantGap:
    """Inputs for which no branch is to hold, and why."""

    when: Expression
    why: str
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Monotonicity:
    """What a playbook promises of raising one input, the others as they are: no decision gets worse (`improves`), or none gets better.

    `order` are the actions from the worst for the subject to the best, `hold` among them; actions that are not in it say nothing either way. What is
    blocked does nothing, and stands where `hold` does.
    """

    input: str
    improves: bool
    order: tuple[str, ...]
    where: Where = _where()

    def levels(self, actions: Iterable[str]) -> tuple[int, int]:
        """Where in the order a decision stands that takes these actions: the worst and the best of them, or, where none is in the order, `hold`.

        >>> rising = Monotonicity(input="win_rate", improves=True, order=("pause_channel", "hold", "shift_budget"))
        >>> rising.levels(["shift_budget"]), rising.levels([])
        ((2, 2), (1, 1))
        """
        places = [self.order.index(action) for action in actions if action in self.order] or [self.order.index(HOLD)]
        return min(places), max(places)

    def kept(self, before: Iterable[str], after: Iterable[str]) -> bool:
        """Whether the promise is kept by the actions before and after the input was raised."""
        pairs = zip(self.levels(before), self.levels(after), strict=True)
        return all(low <= high if self.improves else low >= high for low, high in pairs)


@attrs.frozen(kw_only=True)
class Playbook:
    """A decision node."""

    id: str
    version: str
    title: str = ""
    subject: Subject
    period: str
    inputs: Mapping[str, InputUse] = _mapping()
    pre_checks: tuple[NamedCheck, ...] = ()
    parameters: Mapping[str, Parameter] = _mapping()
    projections: Mapping[str, Expression] = _mapping()
    thresholds: Mapping[str, Threshold] = _mapping()
    hit_policy: HitPolicy = HitPolicy.FIRST
    branches: tuple[Branch, ...] = ()
    otherwise: str = "hold"
    actions: Mapping[str, Action] = _mapping()
    owner: str
    approvers: tuple[str, ...]
    risk: Risk
    reversibility: str
    reversal: Reversal
    monitoring: tuple[Monitor, ...] = ()
    demand: DemandForm | None = None
    cadence: str = ""
    slos: tuple[str, ...] = ()
    meant: Mapping[str, str] = _mapping()
    """Why any gap (`gap`), a divisor of zero (`zero-divisor`) or an overlap of two branches (`pause & invest`) is there on purpose."""
    meant_gaps: tuple[MeantGap, ...] = ()
    """The gaps that are there on purpose, where they are named one by one."""
    monotonic: tuple[Monotonicity, ...] = ()
    """What raising an input does to the decision, as `improves` and `worsens` promise."""
    freeze: str = ""
    """`when_spent` or `never`, whatever its risk; blank where the rule book's risk levels decide."""
    units: Mapping[str, Unit | None] = _mapping()
    """The unit of every name in scope that is read, not defined."""
    where: Where = _where()


@attrs.frozen(kw_only=True)
class Freeze:
    """What waits while a freshness budget is spent: acts of these risk levels; and the roles (by label) that may let one through."""

    risk: tuple[str, ...] = ("medium", "high")
    overrides: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class RegisteredFunction:
    """A Python function that expressions may call: what the rule book declares of it, and the function itself, handed in at load.

    The rule book's hash covers the declaration, `version` included, and not the code.
    """

    name: str
    function: Function
    about: str = ""
    version: str = "1"
    where: Where = _where()


@attrs.frozen(kw_only=True)
class RuleBook:
    """Everything under one rules folder, checked as a whole. `hash` is taken over the meaning of its files, not their layout."""

    id: str
    version: str
    zone: str
    currency: str = "USD"
    fiscal_year_start: int = 1
    decision_catalog_ref: str = ""
    metric_layer_ref: str = ""
    holidays: tuple[dt.date, ...] = ()
    freeze: Freeze = attrs.field(factory=Freeze)
    roles: Mapping[str, Role] = _mapping()
    review_cadence: Mapping[str, ReviewCadence] = _mapping()
    slos: Mapping[str, Slo] = _mapping()
    sources: Mapping[str, Source] = _mapping()
    entities: Mapping[str, Entity] = _mapping()
    facts: Mapping[str, Fact] = _mapping()
    thresholds: Mapping[str, Threshold] = _mapping()
    """Named thresholds that metrics and playbooks share."""
    functions: Mapping[str, RegisteredFunction] = _mapping()
    """Python functions that expressions may call."""
    metrics: Mapping[str, Metric] = _mapping()
    playbooks: Mapping[str, Playbook] = _mapping()
    approvals_hold: Mapping[str, Mapping[str, str]] = APPROVALS_HOLD
    """How long an approval holds: reversibility → risk → duration."""
    hash: str = ""
    folder: str = ""

    def playbook(self, name: str) -> Playbook:
        """The playbook of that name. Raises `NotFoundError` with the nearest name."""
        return _named(self.playbooks, name, "playbook")

    def metric(self, name: str) -> Metric:
        """The metric of that id or label. Raises `NotFoundError` with the nearest name."""
        for metric in self.metrics.values():
            if name == metric.label:
                return metric
        return _named(self.metrics, name, "metric")

    def role(self, name: str) -> Role:
        """The role of that id, label or alias. Raises `NotFoundError` with the nearest name."""
        for role in self.roles.values():
            if name in (role.id, role.label, *role.aliases):
                return role
        return _named(self.roles, name, "role")


def _named(things: Mapping[str, T], name: str, kind: str) -> T:
    if name in things:
        return things[name]
    hint = nearest(name, things) or f"known: {', '.join(sorted(things)) or 'none'}"
    raise NotFoundError(f"no {kind} `{name}` in the rule book ({hint})")
