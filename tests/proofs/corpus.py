"""Small rule books with a fault planted, each beside its sound twin: what a proof must find, and must not.

A case gives the inputs (name → unit and valid range), pre-checks, thresholds, branches and hit policy, and the findings that are there: kind and
branches. A gap that is meant is marked as such, as a rule book would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

__all__ = ["FAULTY", "SOUND", "Case", "write_book"]

Found = tuple[str, tuple[str, ...]]


@attrs.frozen(kw_only=True)
class Case:
    """One small rule book, and what is to be found in it."""

    name: str
    inputs: Mapping[str, tuple[str, str]]
    branches: Mapping[str, str]
    checks: Mapping[str, str] = attrs.field(factory=dict)
    thresholds: Mapping[str, str] = attrs.field(factory=dict)
    projections: Mapping[str, str] = attrs.field(factory=dict)
    policy: str = "unique"
    meant: Mapping[str, str] = attrs.field(factory=dict)
    promises: str = ""
    """Lines of the playbook that say `order`, `improves` and `worsens`."""
    found: frozenset[Found] = frozenset()


SHARE, COUNT, MONEY, RATIO, TEXT, FLAG, MONTHS = (
    ("share", "[0, 1]"),
    ("count", "[0, 1000000]"),
    ("USD", "[0, 1000000]"),
    ("ratio", "[-100, 100]"),
    ("text", ""),
    ("flag", ""),
    ("months", "[0, 120]"),
)
WIDE = ("ratio", "")
MEANT = {"gap": "in between nothing is done"}


def _gap() -> Found:
    return "gap", ()


def _both(one: str, other: str) -> Found:
    return "overlap", (one, other)


def _pairs() -> Iterator[tuple[Case, Case]]:
    """(faulty, sound) twins; each family with two sets of constants."""
    x = {"x": SHARE}
    for at in ("0.5", "29%"):
        yield (
            Case(name=f"nothing exactly at {at}", inputs=x, branches={"low": f"x < {at}", "high": f"x > {at}"}, found=frozenset({_gap()})),
            Case(name=f"one of the two takes {at}", inputs=x, branches={"low": f"x < {at}", "high": f"x >= {at}"}),
        )
        yield (
            Case(name=f"both exactly at {at}", inputs=x, branches={"low": f"x <= {at}", "high": f"x >= {at}"}, found=frozenset({_both("low", "high")})),
            Case(name=f"only one at {at}", inputs=x, branches={"low": f"x <= {at}", "high": f"x > {at}"}),
        )
        yield (
            Case(
                name=f"an epsilon too far above {at}",
                inputs=x,
                branches={"low": f"x <= {at} + 0.0001", "high": f"x > {at}"},
                found=frozenset({_both("low", "high")}),
            ),
            Case(name=f"the same epsilon on both sides of {at}", inputs=x, branches={"low": f"x <= {at} + 0.0001", "high": f"x > {at} + 0.0001"}),
        )
        yield (
            Case(name=f"an epsilon short of {at}", inputs=x, branches={"low": f"x <= {at} - 0.000001", "high": f"x > {at}"}, found=frozenset({_gap()})),
            Case(name=f"no epsilon at {at}", inputs=x, branches={"low": f"x <= {at}", "high": f"not x <= {at}"}),
        )
    for low, high in (("20%", "40%"), ("0.25", "0.75")):
        yield (
            Case(
                name=f"half-open on the wrong side of {low} and {high}",
                inputs=x,
                branches={"low": f"x in [0, {low}]", "middle": f"x in [{low}, {high})", "high": f"x in [{high}, 1]"},
                found=frozenset({_both("low", "middle")}),
            ),
            Case(
                name=f"half-open at {low} and {high}",
                inputs=x,
                branches={"low": f"x in [0, {low})", "middle": f"x in [{low}, {high})", "high": f"x in [{high}, 1]"},
            ),
        )
        yield (
            Case(
                name=f"open at {high} on both sides",
                inputs=x,
                branches={"low": f"x in [0, {low})", "middle": f"x in [{low}, {high})", "high": f"x in ({high}, 1]"},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"a hole between {low} and {high} that is meant",
                inputs=x,
                branches={"low": f"x < {low}", "high": f"x > {high}"},
                meant=MEANT,
            ),
        )
        yield (
            Case(
                name=f"`or` for `and` between {low} and {high}",
                inputs=x,
                branches={"inside": f"x >= {low} or x <= {high}", "outside": f"x < {low} or x > {high}"},
                found=frozenset({_both("inside", "outside")}),
            ),
            Case(
                name=f"`and` between {low} and {high}",
                inputs=x,
                branches={"inside": f"x >= {low} and x <= {high}", "outside": f"x < {low} or x > {high}"},
            ),
        )
        yield (
            Case(
                name=f"`and` for `or` outside {low} and {high}",
                inputs=x,
                branches={"inside": f"x >= {low} and x <= {high}", "outside": f"x < {low} and x > {high}"},
                found=frozenset({("never-fires", ("outside",)), _gap()}),
            ),
            Case(
                name=f"`not in` outside {low} and {high}",
                inputs=x,
                branches={"inside": f"x in [{low}, {high}]", "outside": f"x not in [{low}, {high}]"},
            ),
        )
    for slip, right in (("29", "29%"), ("5", "5%")):
        yield (
            Case(
                name=f"{slip} where {right} is meant",
                inputs=x,
                branches={"high": f"x >= {slip}", "low": f"x < {slip}"},
                found=frozenset({("never-fires", ("high",)), ("never-true", ("high",)), ("always-true", ("low",))}),
            ),
            Case(name=f"{right} as meant", inputs=x, branches={"high": f"x >= {right}", "low": f"x < {right}"}),
        )
    for ratio in ("0.9", "1.2"):
        two = {"cac": MONEY, "baseline": MONEY}
        yield (
            Case(
                name=f"both at {ratio} of a baseline",
                inputs=two,
                branches={"low": f"cac <= baseline * {ratio}", "high": f"cac >= baseline * {ratio}"},
                found=frozenset({_both("low", "high")}),
            ),
            Case(name=f"one at {ratio} of a baseline", inputs=two, branches={"low": f"cac <= baseline * {ratio}", "high": f"cac > baseline * {ratio}"}),
        )
        yield (
            Case(
                name=f"a quotient that may be undefined against {ratio}",
                inputs=two,
                branches={"low": f"cac / baseline <= {ratio}", "high": f"cac / baseline > {ratio}"},
                found=frozenset({("zero-divisor", ())}),
            ),
            Case(
                name=f"a quotient whose divisor a pre-check keeps from zero, against {ratio}",
                inputs=two,
                checks={"some": "baseline > $0"},
                branches={"low": f"cac / baseline <= {ratio}", "high": f"cac / baseline > {ratio}"},
            ),
        )
        three = {"a": RATIO, "b": RATIO, "c": RATIO}
        yield (
            Case(
                name=f"a gap of three variables at {ratio}",
                inputs=three,
                branches={"more": f"a + b > c * {ratio}", "less": f"a + b < c * {ratio}"},
                found=frozenset({_gap()}),
            ),
            Case(name=f"three variables, closed at {ratio}", inputs=three, branches={"more": f"a + b > c * {ratio}", "less": f"a + b <= c * {ratio}"}),
        )
        yield (
            Case(
                name=f"three variables, both where c is {ratio}",
                inputs=three,
                branches={"one": f"a > b and c <= {ratio}", "other": f"a >= b and c >= {ratio}", "rest": f"a < b or (a == b and c < {ratio})"},
                found=frozenset({_both("one", "other")}),
            ),
            Case(
                name=f"three variables, one of two where c is {ratio}",
                inputs=three,
                branches={"one": f"a > b and c <= {ratio}", "other": f"a > b and c > {ratio}", "rest": "a <= b"},
            ),
        )
    for won, lost in (("won", "lost"), ("Google Ads", "Webinar")):
        stage = {"stage": TEXT, "x": SHARE}
        yield (
            Case(
                name=f"a value beside {won} and {lost}",
                inputs=stage,
                branches={"yes": f'stage == "{won}"', "no": f'stage == "{lost}"'},
                found=frozenset({_gap()}),
            ),
            Case(name=f"everything that is not {won}", inputs=stage, branches={"yes": f'stage == "{won}"', "no": f'stage != "{won}"'}),
        )
        yield (
            Case(
                name=f"{won} in two sets",
                inputs=stage,
                branches={
                    "one": f'stage in {{"{won}", "{lost}"}}',
                    "two": f'stage in {{"{won}", "open"}}',
                    "rest": f'stage not in {{"{won}", "{lost}", "open"}}',
                },
                found=frozenset({_both("one", "two")}),
            ),
            Case(
                name=f"{won} in one set",
                inputs=stage,
                branches={"one": f'stage in {{"{won}", "{lost}"}}', "rest": f'stage not in {{"{won}", "{lost}"}}'},
            ),
        )
        yield (
            Case(
                name=f"{won} forgotten where the share is low",
                inputs=stage,
                branches={"one": f'stage == "{won}" and x >= 50%', "two": f'stage != "{won}"'},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"{won} with the share low and high",
                inputs=stage,
                branches={"one": f'stage == "{won}" and x >= 50%', "two": f'stage != "{won}"', "three": f'stage == "{won}" and x < 50%'},
            ),
        )
    for limit in ("36 months", "12 months"):
        pay = {"payback": MONTHS, "x": SHARE}
        yield (
            Case(
                name=f"a pre-check that contradicts a branch at {limit}",
                inputs=pay,
                checks={"sane": f"payback < {limit}"},
                branches={"slow": f"payback >= {limit}", "fast": f"payback < {limit}"},
                found=frozenset({("contradicts-check", ("slow",))}),
            ),
            Case(
                name=f"a pre-check beside branches below {limit}",
                inputs=pay,
                checks={"sane": f"payback <= {limit}"},
                branches={"slow": f"payback >= {limit}", "fast": f"payback < {limit}"},
            ),
        )
        yield (
            Case(
                name=f"masked by an earlier one at {limit}",
                inputs=pay,
                policy="first",
                branches={"fast": f"payback < {limit}", "fastest": "payback < 6 months", "slow": f"payback >= {limit}"},
                found=frozenset({("masked", ("fastest", "fast"))}),
            ),
            Case(
                name=f"the narrower one first at {limit}",
                inputs=pay,
                policy="first",
                branches={"fastest": "payback < 6 months", "fast": f"payback < {limit} and payback >= 6 months", "slow": f"payback >= {limit}"},
            ),
        )
        yield (
            Case(
                name=f"masked by two together at {limit}",
                inputs=pay,
                policy="first",
                branches={"a": f"payback < {limit}", "b": f"payback >= {limit} and x >= 0", "c": "x > 50%"},
                found=frozenset({("masked", ("c", "a", "b")), ("always-true", ("b",))}),
            ),
            Case(
                name=f"left over by two at {limit}",
                inputs=pay,
                policy="first",
                branches={"a": f"payback < {limit}", "b": f"payback >= {limit} and x <= 50%", "c": f"payback >= {limit} and x > 50%"},
            ),
        )
        yield (
            Case(
                name=f"a range that decides a condition at {limit}",
                inputs=pay,
                branches={"fast": f"payback < {limit} and payback >= 0", "slow": f"payback >= {limit}"},
                found=frozenset({("always-true", ("fast",))}),
            ),
            Case(name=f"a range that decides nothing at {limit}", inputs=pay, branches={"fast": f"payback < {limit}", "slow": f"payback >= {limit}"}),
        )
    for least in ("30", "100"):
        rates = {"x": SHARE, "n": COUNT, "sure": FLAG}
        yield (
            Case(
                name=f"a disjunction that overlaps at {least}",
                inputs=rates,
                branches={"act": f"x > 50% or n > {least}", "wait": f"x <= 50% or n <= {least}"},
                found=frozenset({_both("act", "wait")}),
            ),
            Case(
                name=f"a disjunction and its opposite at {least}",
                inputs=rates,
                branches={"act": f"x > 50% or n > {least}", "wait": f"x <= 50% and n <= {least}"},
            ),
        )
        yield (
            Case(
                name=f"a flag forgotten at {least}",
                inputs=rates,
                branches={"act": f"sure and n > {least}", "wait": f"n <= {least}"},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"a flag both ways at {least}",
                inputs=rates,
                branches={"act": f"sure and n > {least}", "wait": f"n <= {least} or not sure"},
            ),
        )
        yield (
            Case(
                name=f"missing counted in with {least}",
                inputs=rates,
                branches={"act": f"coalesce(n, 0) > {least}", "ask": "is_missing(n)", "wait": f"coalesce(n, 0) <= {least}"},
                found=frozenset({_both("ask", "wait")}),
            ),
            Case(
                name=f"missing apart from {least}",
                inputs=rates,
                branches={"act": f"coalesce(n, 0) > {least}", "ask": "is_missing(n)", "wait": f"not is_missing(n) and coalesce(n, 0) <= {least}"},
            ),
        )
        yield (
            Case(
                name=f"a choice with a hole at {least}",
                inputs=rates,
                branches={"act": f"n > ({least} if sure else 2 * {least})", "wait": f"n < {least}"},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"a choice and its opposite at {least}",
                inputs=rates,
                branches={"act": f"n > ({least} if sure else 2 * {least})", "wait": f"n <= ({least} if sure else 2 * {least})"},
            ),
        )
        yield (
            Case(
                name=f"max for min at {least}",
                inputs={"a": COUNT, "b": COUNT},
                branches={"act": f"max(a, b) >= {least}", "wait": f"min(a, b) < {least}"},
                found=frozenset({_both("act", "wait")}),
            ),
            Case(
                name=f"max on both sides of {least}",
                inputs={"a": COUNT, "b": COUNT},
                branches={"act": f"max(a, b) >= {least}", "wait": f"max(a, b) < {least}"},
            ),
        )
        yield (
            Case(
                name=f"a distance with a hole at {least}",
                inputs={"a": RATIO, "b": RATIO},
                branches={"near": f"a in b ± {least}", "far": f"abs(a - b) > {least} + 1"},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"a distance and its opposite at {least}",
                inputs={"a": RATIO, "b": RATIO},
                branches={"near": f"a in b ± {least}", "far": f"a not in b ± {least}"},
            ),
        )
    for upper, lower in (("−0.3", "−1.0"), ("−0.5", "−2.0")):
        e = {"E": ("ratio", "[-10, 0]")}
        yield (
            Case(
                name=f"two named ranges that meet at {upper}",
                inputs=e,
                thresholds={"inelastic": f"[{upper}, 0]", "usual": f"[{lower}, {upper}]"},
                branches={"raise_it": "E ∈ inelastic", "keep": "E ∈ usual", "lower_it": f"E < {lower}"},
                found=frozenset({_both("raise_it", "keep")}),
            ),
            Case(
                name=f"two named ranges side by side at {upper}",
                inputs=e,
                thresholds={"inelastic": f"({upper}, 0]", "usual": f"[{lower}, {upper}]"},
                branches={"raise_it": "E ∈ inelastic", "keep": "E ∈ usual", "lower_it": f"E < {lower}"},
            ),
        )
        yield (
            Case(
                name=f"a sign lost from {lower}",
                inputs=e,
                branches={"elastic": f"E < {lower.removeprefix('−')}", "other": f"E >= {lower.removeprefix('−')}"},
                found=frozenset({("never-fires", ("other",)), ("never-true", ("other",)), ("always-true", ("elastic",))}),
            ),
            Case(name=f"the sign of {lower}", inputs=e, branches={"elastic": f"E < {lower}", "other": f"E >= {lower}"}),
        )
    for step in ("2", "5"):
        lift = {"lift": ("pp", "[-1, 1]"), "kept": FLAG}
        yield (
            Case(
                name=f"{step} where {step}pp is meant",
                inputs=lift,
                branches={"add": f"lift >= {step}", "rest": f"lift < {step}"},
                found=frozenset({("never-fires", ("add",)), ("never-true", ("add",)), ("always-true", ("rest",))}),
            ),
            Case(name=f"{step}pp as meant", inputs=lift, branches={"add": f"lift >= {step}pp", "rest": f"lift < {step}pp"}),
        )
        yield (
            Case(
                name=f"up and down by {step}pp, and the middle forgotten",
                inputs=lift,
                branches={"add": f"lift >= {step}pp and kept", "remove": f"lift <= -{step}pp and kept", "rest": "not kept"},
                found=frozenset({_gap()}),
            ),
            Case(
                name=f"up and down by {step}pp, and the middle",
                inputs=lift,
                branches={"add": f"lift >= {step}pp and kept", "remove": f"lift <= -{step}pp and kept", "rest": f"not kept or lift in (-{step}pp, {step}pp)"},
            ),
        )
    for whole in ("3", "10"):
        n = {"n": COUNT}
        yield (
            Case(
                name=f"a set of numbers inside an interval up to {whole}",
                inputs=n,
                branches={"few": f"n in {{0, 1, {whole}}}", "many": f"n >= {whole}", "some": f"n < {whole} and n not in {{0, 1}}"},
                found=frozenset({_both("few", "many")}),
            ),
            Case(
                name=f"a set of numbers beside an interval from {whole}",
                inputs=n,
                branches={"few": "n in {0, 1}", "many": f"n >= {whole}", "some": f"n < {whole} and n not in {{0, 1}}"},
            ),
        )
        for kind in (COUNT, ("count", "")):
            over = int(whole) + 1
            yield (
                Case(
                    name=f"a whole one left out above {whole}{'' if kind[1] else ', without a range'}",
                    inputs={"n": kind},
                    branches={"few": f"n <= {whole}", "many": f"n > {over}"},
                    found=frozenset({_gap()}),
                ),
                Case(
                    name=f"no whole one between {whole} and {over}{'' if kind[1] else ', without a range'}",
                    inputs={"n": kind},
                    branches={"few": f"n <= {whole}", "many": f"n >= {over}"},
                ),
            )
        digits = ("ratio, precision: 2", "[0, 100]")
        yield (
            Case(
                name=f"a hundredth left out above {whole}",
                inputs={"x": digits},
                branches={"low": f"x <= {whole}", "high": f"x > {whole}.01"},
                found=frozenset({_gap()}),
            ),
            Case(name=f"no hundredth between {whole} and the next", inputs={"x": digits}, branches={"low": f"x <= {whole}", "high": f"x >= {whole}.01"}),
        )
        yield (
            Case(
                name=f"per head from {whole}, and nobody there",
                inputs={"n": COUNT, "cost": MONEY},
                branches={"dear": f"cost / n >= ${whole}", "cheap": f"cost / n < ${whole}"},
                found=frozenset({("zero-divisor", ())}),
            ),
            Case(
                name=f"per head from {whole}, of at least one",
                inputs={"n": ("count", "[1, 1000]"), "cost": MONEY},
                branches={"dear": f"cost / n >= ${whole}", "cheap": f"cost / n < ${whole}"},
            ),
        )


_TWINS = list(_pairs())
FAULTY = tuple(faulty for faulty, _ in _TWINS)
SOUND = tuple(sound for _, sound in _TWINS)

_HEAD = """\
rule_book: {id: SMALL, version: "1", zone: UTC, currency: USD}
roles: {ops: {label: Ops}, fin: {label: Finance}}
review_cadence: {weekly: {when: "Tue 10:00 ET", agenda: [all]}}
sources: {crm: {label: CRM, owner: ops, max_age: 24h}}
"""


def write_book(folder: Path, case: Case) -> Path:
    """The rule book of a case, in that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(_HEAD, encoding="utf-8")
    metrics = ["metrics:"]
    for name, (unit, valid) in case.inputs.items():
        kind = {"text": "text: true, ", "flag": ""}.get(unit, f"unit: {unit}, ")
        wanted = f'valid_range: "{valid}", ' if valid else ""
        reading = "reading: true, source: crm"
        if unit == "flag":
            reading = f"inputs: [{name}_value], sustained: {{condition: {name}_value > 0, periods: 2, grain: month}}"
            metrics.append(f"  {name}_value: {{label: {name} value, definition: given, unit: ratio, grain: [month], owner: Ops, reading: true, source: crm}}")
        metrics.append(f"  {name}: {{label: {name}, definition: given, {kind}{wanted}grain: [month], owner: Ops, {reading}}}")
    (folder / "metrics.yaml").write_text("\n".join(metrics) + "\n", encoding="utf-8")
    lines = [
        "playbook: node",
        'version: "1"',
        "subject: {id: it}",
        "period: month",
        "owner: Ops",
        "approvers: [Finance]",
        "reversibility: high",
        "risk: {level: low, note: small}",
        "cadence: weekly",
        "inputs: {" + ", ".join(f"{name}: {name}" for name in case.inputs) + "}",
        f"hit_policy: {case.policy}",
    ]
    for key, part in (("thresholds", case.thresholds), ("projections", case.projections)):
        if part:
            lines += [f"{key}:", *(f"  {name}: {_quoted(text)}" for name, text in part.items())]
    if case.checks:
        lines += ["pre_checks:", *(f"  {name}: {{when: {_quoted(text)}}}" for name, text in case.checks.items())]
    lines += ["branches:", *(f"  {name}: {{when: {_quoted(text)}, action: do_{name}}}" for name, text in case.branches.items())]
    lines += ["actions:", *(f"  do_{name}: {{text: do {name}}}" for name in case.branches)]
    if case.meant:
        lines += ["meant:", *(f"  {name}: {_quoted(text)}" for name, text in case.meant.items())]
    lines += [case.promises] if case.promises else []
    lines += ["reversal: {plan: undo, steps: [undo it], within: 1h}", ""]
    (folder / "node.yaml").write_text("\n".join(lines), encoding="utf-8")
    return folder


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
