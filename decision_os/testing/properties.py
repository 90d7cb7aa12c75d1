"""Properties that hold of every decision of a sound playbook, each a test in one line.

    test_it_never_acts_on_an_unknown = testing.never_acts_on_an_unknown(testing.playbook(engine, "channel.invest"))

Each gives a function without arguments that draws inputs and raises `AssertionError` at the first that breaks the property, with the inputs, what came of
them, and what to do. `settings` are Hypothesis' own, as in `testing.stable(playbook, settings=settings(max_examples=1000))`; there is no
deadline unless they say one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from decision_os.edges import Values
from decision_os.errors import InputError
from decision_os.expr import Condition
from decision_os.expr.tree import Defined, Node, Number, children
from decision_os.model import HitPolicy, Monotonicity
from decision_os.record import DecisionRecord, Outcome
from decision_os.testing.draws import known
from decision_os.testing.failing import done, failed
from decision_os.testing.money import amounts, scaled
from decision_os.testing.subject import Subject, count_of, subject_of
from decision_os.testing.tables import as_rows, checked, made
from decision_os.testing.unknowns import with_unknown
from decision_os.values import Unknown

__all__ = [
    "exactly_one_branch",
    "frame_agrees",
    "keeps_its_promises",
    "never_acts_on_an_unknown",
    "reversible",
    "scales_with_money",
    "stable",
]

Test: TypeAlias = Callable[[], None]
Settings: TypeAlias = settings_of | None

_FRAMES: Final = 20
"""How many frames are decided unless settings say otherwise: one costs as much as a hundred mappings."""

_FACTORS: Final = (2.0, 0.5, 10.0, 100.0)


def _usual() -> settings_of:
    """No time limit: how busy a machine is says nothing about a rule."""
    return settings_of(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _test(subject: Subject, name: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None], settings: Settings) -> Test:
    """A Hypothesis test of its own name, so that what failed once is tried first the next time."""
    given_settings: object = settings
    if given_settings is not None and not isinstance(given_settings, settings_of):
        hint = "as in `settings=hypothesis.settings(max_examples=1000)`"
        raise InputError(f"`settings` are Hypothesis' own, not a {type(given_settings).__name__}", name="settings", hint=hint)

    @(settings or _usual())
    @given(strategy)
    def run(drawn: Any) -> None:
        check(drawn)

    run.__name__ = run.__qualname__ = f"{name}_{subject.node}".replace(".", "_")
    return run


def _known(subject: Subject) -> st.SearchStrategy[dict[str, Any]]:
    return known(subject, subject.wanted)


def exactly_one_branch(playbook: Subject, *, settings: Settings = None) -> Test:
    """Under the hit policy `unique`: whatever the inputs, one branch holds; none only where the playbook says that a gap is meant.

    Raises `InputError` for a playbook with another hit policy.
    """
    subject = subject_of(playbook, "exactly_one_branch")
    policy = subject.plan.playbook.hit_policy
    if policy is not HitPolicy.UNIQUE:
        message = f"`{subject.node}` is decided by `{policy.value}`, which says what happens where several branches hold"
        raise InputError(message, name="exactly_one_branch", hint="this property is for `hit_policy: unique`")

    def check(values: dict[str, Any]) -> None:
        record = subject.decide(values)
        held = [branch.id for branch in record.evidence.branches if branch.holds is True]
        sure = all(branch.holds is not None for branch in record.evidence.branches)
        if len(held) > 1:
            names = " and ".join(f"`{name}`" for name in held)
            todo = "let one of them stop where the other begins: `<` beside `>=`, `(` beside `]`"
            raise failed(subject, f"{names} both hold, and the hit policy is unique", todo, [(values, record)])
        if not held and sure and record.outcome is Outcome.HOLD and not _meant(subject, values):
            todo = "let a branch take it, or say under `meant:` why the `gap` is there"
            raise failed(subject, "no branch holds", todo, [(values, record)])

    return _test(subject, "exactly_one_branch", _known(subject), check, settings)


def _meant(subject: Subject, values: Mapping[str, Any]) -> bool:
    """Whether the playbook says that no branch is to hold for these inputs; of an input at several keys, at one of them."""
    playbook = subject.plan.playbook
    scopes = [
        {**{name: value[key] if isinstance(value, Mapping) else value for name, value in values.items()}, **subject.ground.fixed}
        for key in subject.keys or ("",)
    ]
    return "gap" in playbook.meant or any(gap.when.evaluate(scope) is True for gap in playbook.meant_gaps for scope in scopes)


def never_acts_on_an_unknown(playbook: Subject, *, settings: Settings = None) -> Test:
    """Where an input is unknown and the decision acts all the same, it does so whatever the input is: it would act on every value that could be found out.

    A playbook breaks it with `coalesce(x, …)` or `is_missing(x)` in a condition that makes it act.
    """
    subject = subject_of(playbook, "never_acts_on_an_unknown")

    def check(values: dict[str, Any]) -> None:
        record = subject.decide(values)
        if record.outcome is not Outcome.ACT:
            return
        acted = {action.id for action in record.actions}
        for filled in _filled(subject, values, record):
            other = subject.decide(filled)
            if not acted <= {action.id for action in other.actions}:
                names = ", ".join(f"`{name}`" for name in _unknown_names(record))
                todo = "ask for the input outright, and let the decision wait for it; or hold where it is missing"
                raise failed(subject, f"it acts although {names} is not known, and would not if it were", todo, [(values, record), (filled, other)])

    return _test(subject, "never_acts_on_an_unknown", with_unknown(subject, _known(subject)), check, settings)


def _unknown_names(record: DecisionRecord) -> list[str]:
    return list(dict.fromkeys(item.name for item in record.inputs if isinstance(item.value, Unknown)))


def _filled(subject: Subject, values: Mapping[str, Any], record: DecisionRecord) -> Iterator[dict[str, Any]]:
    """The inputs with what is unknown known: one of each stretch of values over which no condition changes, one input after another."""
    ground = subject.ground
    settled: dict[str, Any] = {item.name if not item.key else f"{item.name}@{item.key}": item.value for item in record.inputs}
    missing = [name for name, value in settled.items() if isinstance(value, Unknown) and name in ground.places]
    start: Values = {name: None if isinstance(settled.get(name), Unknown) else settled.get(name) for name in ground.places}
    everything = range(len(ground.leaves))
    found = [start]
    for name in missing:
        found = [{**one, name: cell.value} for one in found for cell in ground.cells(everything, one, name) if cell.value is not None]
    yield from ({**values, **ground.mapping(one)} for one in found if missing)


def keeps_its_promises(playbook: Subject, *, settings: Settings = None) -> Test:
    """Raising an input that the playbook lists under `improves` never moves the decision down its `order`, nor one under `worsens` up.

    Raises `InputError` for a playbook that promises nothing.
    """
    subject = subject_of(playbook, "keeps_its_promises")
    promises = subject.plan.playbook.monotonic
    if not promises:
        hint = "write for example `improves: [win_rate]`, and where there are several actions `order: [pause, hold, invest]`"
        raise InputError(f"`{subject.node}` declares neither `improves` nor `worsens`", name="keeps_its_promises", hint=hint)

    def check(drawn: tuple[Monotonicity, dict[str, Any]]) -> None:
        promise, values = drawn
        record = subject.decide(values)
        for raised in _raised(subject, promise.input, values):
            other = subject.decide(raised)
            if Outcome.UNDETERMINED in (record.outcome, other.outcome) or promise.kept(_actions(record), _actions(other)):
                continue
            better = "worse" if promise.improves else "better"
            key = "improves" if promise.improves else "worsens"
            what = f"raising `{promise.input}`, which `{key}` lists, makes the decision {better}: {done(record)} → {done(other)}"
            todo = f"mend the branches, or take `{promise.input}` out of `{key}` ({promise.where})"
            raise failed(subject, what, todo, [(values, record), (raised, other)])

    drawn = st.tuples(st.sampled_from(promises), _known(subject))
    return _test(subject, "keeps_its_promises", drawn, check, settings)


def _actions(record: DecisionRecord) -> list[str]:
    return [action.id for action in record.actions]


def _raised(subject: Subject, name: str, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The inputs with one of them higher: one of each stretch above it over which no condition changes; at one finer key, or at all."""
    ground = subject.ground
    places = [place for place in ground.places.values() if place.own == name]
    start = _by_place(subject, values)
    every = range(len(ground.leaves))
    for place in places:
        now = start[place.name]
        for cell in ground.cells(every, start, place.name):
            if now is None or cell.value is None or isinstance(cell.value, str) or not cell.value > now:
                continue
            yield {**values, **ground.mapping({**start, place.name: cell.value})}
            if len(places) > 1:
                yield {**values, **ground.mapping({**start, **{other.name: max(cell.value, start[other.name]) for other in places}})}


def _by_place(subject: Subject, values: Mapping[str, Any]) -> dict[str, Any]:
    """Drawn inputs by place."""
    return {place.name: values[place.own][place.key] if place.key else values[place.own] for place in subject.ground.places.values()}


def scales_with_money(playbook: Subject, *, settings: Settings = None) -> Test:
    """Every amount of money times 2, ½, 10 or 100 leaves the decision as it is: a rule in ratios does not hang on the size of the business or its currency.

    Raises `InputError` where the units say that money decides by itself: a threshold of $3, an input without a unit.
    """
    subject = subject_of(playbook, "scales_with_money")
    own = amounts(subject)
    if own:
        hint = "this property is for playbooks that compare money with money alone"
        raise InputError(f"`{subject.node}` may decide by how large money is: {'; '.join(own)}", name="scales_with_money", hint=hint)

    def check(drawn: tuple[float, dict[str, Any]]) -> None:
        factor, values = drawn
        larger = scaled(subject, values, factor)
        record, other = subject.decide(values), subject.decide(larger)
        if _unknown_names(record) != _unknown_names(other):  # beyond its contract's range
            return
        if (record.outcome, record.branch) != (other.outcome, other.branch):
            what = f"with all money times {factor:g} the decision is another one: {done(record)} → {done(other)}"
            raise failed(subject, what, "compare money with money: a share of a baseline, not a plain number", [(values, record), (larger, other)])

    return _test(subject, "scales_with_money", st.tuples(st.sampled_from(_FACTORS), _known(subject)), check, settings)


def stable(playbook: Subject, *, noise: float = 1e-6, within: float = 0.01, settings: Settings = None) -> Test:
    """Small noise flips no decision, except near a threshold that has a name.

    Each number is moved by up to `noise` of itself. Where that changes the decision, a comparison has to be `within` that share of its threshold (1 %,
    unless said), and has to compare with a named threshold or another input, not with a number written into the condition (0 and 1 aside). What breaks it is a
    formula that blows small differences up, such as a division by what may be almost nothing, or a nameless number.
    """
    subject = subject_of(playbook, "stable")
    for name, share in (("noise", noise), ("within", within)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise InputError(f"`{name}` is a share between 0 and 1, not {share!r}", name=name, hint="as in `noise=1e-6` and `within=0.01`")
    if noise >= within:
        raise InputError(f"noise of {noise:g} cannot be told from being within {within:g}", name="noise", hint="give a smaller `noise`")

    def check(drawn: tuple[int, dict[str, Any]]) -> None:
        pattern, values = drawn
        moves = {name: noise if pattern >> place & 1 else -noise for place, name in enumerate(values)}
        shaken = {name: _shaken(subject, name, value, moves[name]) for name, value in values.items()}
        record, other = subject.decide(values), subject.decide(shaken)
        if (record.outcome, record.branch) == (other.outcome, other.branch) or Outcome.UNDETERMINED in (record.outcome, other.outcome):
            return
        near = min(_flipped(subject, values, shaken), key=lambda pair: pair[0], default=None)
        if near is None:
            return
        distance, condition = near
        flips = f"noise of {noise:.2g} flips the decision: {done(record)} → {done(other)}"
        cases = [(values, record), (shaken, other)]
        if distance > within:
            what = f"{flips}, and `{condition.text}` was still {distance:.2%} from its threshold (allowed: {within:.2%})"
            raise failed(subject, what, "guard the divisor, or ask for the quotient's parts to be large enough first", cases)
        if _nameless(subject, condition):
            what = f"{flips}, {distance:.2%} from a number without a name in `{condition.text}`"
            raise failed(subject, what, "give the number a name under `thresholds:`, so that it can be found, tested and changed", cases)

    return _test(subject, "stable", st.tuples(st.integers(0, 2**20), _known(subject)), check, settings)


def _shaken(subject: Subject, name: str, value: Any, noise: float) -> Any:
    """A value moved by a share of itself, where its contract allows that; whole numbers stay."""
    if isinstance(value, Mapping):
        return {key: _shaken(subject, f"{name}@{key}", item, noise) for key, item in value.items()}
    moved = value * (1 + noise) if isinstance(value, float) else value
    return moved if subject.ground.places[name].allows(moved) else value


def _flipped(subject: Subject, values: Mapping[str, Any], shaken: Mapping[str, Any]) -> Iterator[tuple[float, Condition]]:
    """The conditions that came out otherwise, at each finer key, each with how far it was from its threshold, relative to it."""
    for asked in (*subject.plan.pre_checks, *subject.plan.branches):
        for key in subject.keys if asked.fanned and subject.keys else ("",):
            before, after = (asked.expression.explain(_at(subject, asked.fanned, given, key)).conditions for given in (values, shaken))
            for one, two in zip(before, after, strict=True):
                if one.holds is two.holds:
                    continue
                sizes = [abs(float(side)) for side in (one.left, one.right) if isinstance(side, int | float) and not isinstance(side, bool)]
                margins = [abs(each.margin) for each in (one, two) if each.margin is not None]
                yield (max(margins) / (max(sizes) or 1.0) if margins and sizes else 0.0), one


def _at(subject: Subject, fanned: Sequence[str], values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Drawn inputs as a condition reads them at one finer key."""
    settled = subject.ground.settled(_by_place(subject, values))
    return settled | {name: settled[f"{name}@{key}" if key else name] for name in fanned}


def _nameless(subject: Subject, condition: Condition) -> bool:
    """Whether a condition compares with a number written into it, and not with a named threshold."""
    words = condition.text.removeprefix("not ").strip("()")
    named = any(re.search(rf"\b{re.escape(name)}\b", words) for name in subject.plan.thresholds)
    return not named and any(_bare(leaf.expression.tree) for leaf in subject.ground.leaves if leaf.words.startswith(words))


def _bare(node: Node) -> bool:
    match node:
        case Number():
            return node.exact not in (-1, 0, 1)
        case Defined():
            return False
        case _:
            return any(_bare(child) for child in children(node))


def reversible(playbook: Subject, *, settings: Settings = None) -> Test:
    """Every action that is taken with all inputs known can be undone: it carries a plan with steps and a deadline, and what its lever was before is known.

    Raises `InputError` for a branch that no inputs were found for.
    """
    subject = subject_of(playbook, "reversible")
    branches = [subject.branch(branch.id) for branch in subject.plan.branches]
    lost = [target.name for target in branches if not target.reached]
    if lost:
        hint = "`decision-os lint --prove` says whether it can ever fire"
        raise InputError(f"no inputs were found for which branch `{lost[0]}` of `{subject.node}` is taken", name=lost[0], hint=hint)

    def check(values: dict[str, Any]) -> None:
        record = subject.decide(values)
        plan = record.reversal_plan
        if not (plan.plan and plan.steps and plan.within):
            raise failed(subject, f"`{record.action}` has no way back", "give `reversal:` a plan, steps and a deadline", [(values, record)])
        for action in record.actions:
            if action.lever and action.before is None:
                what = f"`{action.text}` moves `{action.lever}`, and what that was before is not known: it cannot be put back"
                todo = f"let a pre-check ask for what `before:` of the lever of action `{action.id}` reads"
                raise failed(subject, what, todo, [(values, record)])

    return _test(subject, "reversible", known(subject, branches), check, settings)


def frame_agrees(playbook: Subject, engine: str = "polars", *, rows: int = 8, settings: Settings = None) -> Test:
    """A frame of that dataframe engine comes to what each of its rows comes to as a mapping: outcome, action and branch.

    Raises what `frames` raises, and `DataError`, when run, for a playbook that calls a Python function.
    """
    subject = subject_of(playbook, "frame_agrees")
    checked(engine)
    tried = settings or settings_of(_usual(), max_examples=_FRAMES)

    def check(drawn: list[dict[str, Any]]) -> None:
        import narwhals.stable.v2 as nw  # noqa: PLC0415  # the dataframe layer, when a frame is decided

        decided: Any = nw.from_native(subject.engine.decide_frame(subject.node, made(subject, drawn, engine), choose=subject.choose))
        told = decided.lazy().collect().to_dict(as_series=False)
        for place, row in enumerate(drawn):
            record = subject.decide(row)
            found = tuple(cell if isinstance(cell := told[name][place], str) else "" for name in ("outcome", "action", "branch"))
            expected = (record.outcome.value, record.action or "", record.branch or "")
            if found != expected:
                what = f"row {place + 1} of a {engine} frame comes to {' / '.join(found)}, and as a mapping to {' / '.join(expected)}"
                raise failed(subject, what, "this is a fault of Decision OS or of the engine: please report it with these inputs", [(row, record)])

    return _test(subject, f"frame_agrees_{engine}", st.lists(as_rows(subject), min_size=1, max_size=count_of(rows, "rows")), check, tried)
