"""Python functions that a rule book declares and its loader hands in: checked at load, called by both evaluators, refused by columns."""

from __future__ import annotations

import copy
import datetime as dt
import math
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

import decision_os as dos
from decision_os.cli.app import app
from decision_os.errors import Severity
from decision_os.wire import read_book
from tests.small_book import BOOK, FILES, METRICS, PLAYBOOK, line_of, write

# ruff: noqa: E501  # findings stand in the table as they are printed, each on its line

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
DECLARED = "functions:\n  net: {takes: [USD/count, share], gives: USD/count, about: after the discount}\n"
CALLED = PLAYBOOK.replace("deal_size ≥ size_min", "net(deal_size, shift) ≥ size_min")


def net(price: float, discount: float) -> float:
    """The price after a discount."""
    return price * (1 - discount)


def book(folder: Path, *, declared: str = DECLARED, playbook: str = CALLED, rules: str = BOOK, metrics: str = METRICS) -> Path:
    """The small rule book with functions."""
    return write(folder, {**FILES, "book.yaml": rules + declared, "metrics.yaml": metrics, "playbooks/budget.yaml": playbook})


def found(folder: Path, functions: dict[str, Any] | None, *severities: Severity) -> list[str]:
    """What reading finds that is worse than a note, or of those severities."""
    wanted = severities or (Severity.ERROR, Severity.WARNING)
    return [line_of(issue, folder) for issue in read_book(folder, functions).issues if issue.severity in wanted]


def test_a_decision_calls_a_function(tmp_path: Path) -> None:
    """A declared function would not be called, or with its values in another unit or order."""
    engine = dos.Engine.load(book(tmp_path), functions={"net": net})
    values = {"deal_size": 108.0, "sales": 10.0, "slo_green": True}
    assert ["hold", "act"] == [engine.decide("budget", {**values, "deal_size": size}, at=AT).outcome for size in (108.0, 109.0)]
    record = engine.decide("budget", {**values, "deal_size": None}, at=AT)
    assert ("undetermined", ("deal_size",)) == (record.outcome, record.unknowns)
    assert "net(deal_size, shift) ≥ size_min" in engine.decide("budget", values, at=AT).explain()


def test_what_fails_in_a_function_leaves_the_decision_undetermined(tmp_path: Path) -> None:
    """An exception of the rule book's own code would end a run, or count as an answer."""

    def broken(price: float, discount: float) -> float:
        raise ZeroDivisionError(f"price list\nof {price} is empty")

    engine = dos.Engine.load(book(tmp_path), functions={"net": broken})
    record = engine.decide("budget", {"deal_size": 109.0, "sales": 10.0, "slo_green": True}, at=AT)
    assert "undetermined" == record.outcome
    assert "`net` failed: price list of 109.0 is empty" in record.explain()


def test_the_same_in_every_place_that_is_evaluated_row_by_row(tmp_path: Path) -> None:
    """A threshold, a projection, a pre-check, a formula or a QA test could not call what a branch can."""
    playbook = CALLED.replace("  slo: {when: slo_green}", "  slo: {when: 'slo_green and net(deal_size, 0%) > $0'}")
    playbook = playbook.replace("  size_min: $100", "  size_min: net($125, 20%)")
    playbook = playbook.replace("thresholds:\n", "projections:\n  after: net(deal_size, shift)\nthresholds:\n", 1).replace(
        "≥ size_min and", "≥ size_min and after > $0 and"
    )
    metrics = METRICS.replace("formula: sales / deals_won", "formula: net(sales / deals_won, 0%)").replace(
        "assert: deal_size < $1M", "assert: 'net(deal_size, 0%) < $1M'"
    )
    folder = book(
        tmp_path,
        playbook=playbook,
        declared=DECLARED + "  same: {takes: [USD], gives: USD}\n",
        metrics=metrics,
        rules=BOOK.replace("floor: $5", "floor: same($5)"),
    )
    functions: dict[str, Any] = {"net": net, "same": lambda amount: amount}
    assert [] == found(folder, functions)
    engine = dos.Engine.load(folder, functions=functions)
    assert ["hold", "act"] == [engine.decide("budget", {"deal_size": size, "sales": 10.0, "slo_green": True}, at=AT).outcome for size in (108.0, 109.0)]


def test_a_formula_calls_a_function_in_a_run(tmp_path: Path) -> None:
    """A metric computed with a function would be lacking from a run."""
    metrics = METRICS.replace("formula: sales / deals_won", "formula: net(sales / deals_won, 50%)")
    engine = dos.Engine.load(book(tmp_path, metrics=metrics), functions={"net": net})
    deals = pl.DataFrame({"id": ["1", "2"], "channel": ["ads", "ads"], "amount": ["100", "300"], "closed": ["2026-09-03", "2026-09-04"]})
    result = engine.run(sources={"deals": deals}, at=AT, given={"slo_green": True})
    assert [100.0] == [each.value for each in result.records[0].inputs if each.name == "deal_size"]


# What is declared, how it is called, what is handed in, and everything that is then found.
MISTAKES: list[tuple[str, str, str, dict[str, Any], list[str]]] = [
    (
        "nobody hands it in",
        DECLARED,
        CALLED,
        {},
        [
            'book.yaml:27:3 function-not-handed-in the function `net` is declared, but was not handed in (`Engine.load(folder, functions={"net": …})`; on the command line `--functions module`)',
        ],
    ),
    (
        "a misspelled one is handed in",
        DECLARED,
        CALLED,
        {"nett": net},
        [
            "book.yaml:27:3 function-not-handed-in the function `net` is declared, but was not handed in (did you mean `nett`?)",
            "book.yaml:27:3 function-not-declared the function `nett` was handed in, but is not declared (did you mean `net`?)",
        ],
    ),
    (
        "one too many is handed in",
        DECLARED,
        CALLED,
        {"net": net, "log": math.log},
        [
            "book.yaml:27:3 function-not-declared the function `log` was handed in, but is not declared (declare it under `functions`, or leave it out)",
        ],
    ),
    (
        "wrong arity",
        DECLARED,
        CALLED,
        {"net": lambda price: price},
        [
            "book.yaml:27:3 function-arity `net` is declared to take 2 values, but the function handed in takes `(price)` (give `takes` the unit of each value, in order)",
        ],
    ),
    (
        "no function",
        DECLARED,
        CALLED,
        {"net": 3},
        ["book.yaml:27:3 wrong-type what was handed in for `net` is `3`, not a Python function (its units are declared here)"],
    ),
    (
        "a function of the language",
        "functions:\n  clip: {takes: 3, gives: any}\n",
        PLAYBOOK,
        {"clip": net},
        ["book.yaml:27:3 name-twice `clip` is a function of the language (give yours another name)"],
    ),
    (
        "the name of a metric and of a threshold",
        "functions:\n  sales: {takes: [USD], gives: USD}\n  floor: {takes: 1, gives: any}\n",
        PLAYBOOK,
        {"sales": abs, "floor": abs},
        [
            "book.yaml:27:3 name-twice the function `sales` has the name of one of the metrics (that is at metrics.yaml:2:3)",
            "book.yaml:28:3 name-twice the function `floor` has the name of one of the thresholds (that is at book.yaml:25:3)",
        ],
    ),
    (
        "the name of an input of a playbook",
        DECLARED,
        CALLED.replace("  sales: sales\n", "  sales: sales\n  net: deals_won\n"),
        {"net": net},
        ["playbooks/budget.yaml:14:3 name-twice playbook `budget` gives the name `net` to two things (it is a function already)"],
    ),
    (
        "no name",
        "functions:\n  net price: {takes: 1, gives: any}\n  and: {takes: 1, gives: any}\n",
        PLAYBOOK,
        {"net price": abs, "and": abs},
        [
            "book.yaml:27:3 bad-name `net price` is no name that an expression can call (write a word of letters, digits and `_`, as in `net_price`)",
            "book.yaml:28:3 bad-name `and` is no name that an expression can call (write a word of letters, digits and `_`, as in `net_price`)",
        ],
    ),
    (
        "a declaration that says too little",
        "functions:\n  net: {takes: [USDs, share], give: USD}\n",
        CALLED,
        {"net": net},
        [
            "book.yaml:27:8 missing-key function `net` lacks the key `gives`",
            "book.yaml:27:17 bad-unit `USDs` is not a unit (a counted thing is written in lower case: `usds`) (`any` leaves it unchecked)",
            "book.yaml:27:31 unknown-key function `net` has no key `give` (did you mean `gives`?)",
        ],
    ),
    (
        "called with too few",
        DECLARED,
        CALLED.replace("net(deal_size, shift)", "net(deal_size)"),
        {"net": net},
        ["playbooks/budget.yaml:22:11 bad-expression `net` takes 2 values, not 1"],
    ),
    (
        "called with other units",
        DECLARED,
        CALLED.replace("net(deal_size, shift)", "net(sales, $3)"),
        {"net": net},
        [
            "playbooks/budget.yaml:22:15 unit-mismatch cannot pass `sales` (USD, as declared) as value 1 of `net` (USD/count, as declared); declared: `sales` at metrics.yaml:5:11",
            "playbooks/budget.yaml:22:22 unit-mismatch cannot pass `$3` (USD, as written) as value 2 of `net` (share, as declared)",
        ],
    ),
    (
        "its result beside another unit",
        DECLARED,
        CALLED.replace("net(deal_size, shift) ≥ size_min", "net(deal_size, shift) ≥ 2 months"),
        {"net": net},
        [
            "playbooks/budget.yaml:19:3 unused-threshold threshold `size_min` of playbook `budget` is declared and never used",
            (
                "playbooks/budget.yaml:22:11 unit-mismatch cannot compare `net(deal_size, shift)` (USD/count, as declared) and `2 months` (months, as written)"
                "; declared: `deal_size` at metrics.yaml:19:11, `shift` at playbooks/budget.yaml:17:10"
            ),
        ],
    ),
    (
        "not in quotes where YAML takes the comma for its own",
        DECLARED,
        CALLED.replace("  slo: {when: slo_green}", "  slo: {when: net(deal_size, 0%) > $1}"),
        {"net": net},
        [
            "playbooks/budget.yaml:15:28 bad-expression expected a comma or `)` in the call of `net`, but the expression ends (between `{` and `}` YAML ends a text at a comma: put the expression in quotes)",
            "playbooks/budget.yaml:15:30 unknown-key pre-check `slo` of playbook `budget` has no key `0%) > $1` (known: label, when)",
        ],
    ),
    (
        "in a parameter",
        DECLARED,
        CALLED.replace('default: "8%"', 'default: "net(8%, 0%)"'),
        {"net": net},
        [
            "playbooks/budget.yaml:17:45 unit-mismatch cannot pass `8%` (percent, as written) as value 1 of `net` (USD/count, as declared) (a per cent is relative: write `baseline * 8%`)",
        ],
    ),
]


@pytest.mark.parametrize(("declared", "playbook", "functions", "expected"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_mistakes_are_found_at_load(tmp_path: Path, declared: str, playbook: str, functions: dict[str, Any], expected: list[str]) -> None:
    """A function that is lacking, misnamed, or called with what it does not take would be found out at a decision."""
    assert sorted(expected) == sorted(found(book(tmp_path, declared=declared, playbook=playbook), functions))


ANY = "functions:\n  net: {takes: 2, gives: any}\n  grows: {takes: any, gives: truth}\n"

OUT_OF_PLACE = [
    (
        "book.yaml",
        "{assert: amount ≥ $0,",
        "{assert: 'net(amount, 0) ≥ 0',",
        "book.yaml:21:27 function-out-of-place this calls the Python function `net`, but it runs over columns",
    ),
    ("book.yaml", "{entity: deals, time: closed}", "{entity: deals, time: closed, where: 'amount > 0 and grows(amount)'}", "book.yaml:23:61"),
    ("metrics.yaml", "{fact: won, aggregate: count}", "{fact: won, aggregate: count, condition: grows(amount)}", "metrics.yaml:15:55"),
    ("metrics.yaml", "    unit: count\n", "    unit: count\n    valid_range: '[0, net(3, 0)]'\n", "metrics.yaml:13:23"),
    (
        "playbooks/budget.yaml",
        "keep: sales ≥ baseline",
        "keep: sales ≥ baseline and grows(sales)",
        "playbooks/budget.yaml:30:53 function-out-of-place this calls the Python function `grows`, but it is judged from a record alone",
    ),
    (
        "playbooks/budget.yaml",
        'default: "8%"',
        'default: "net(8%, 0)"',
        "playbooks/budget.yaml:17:41 function-out-of-place this calls the Python function `net`, but it is worked out while the rules are read",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), OUT_OF_PLACE, ids=[row[3].split(" ")[0] for row in OUT_OF_PLACE])
def test_where_no_function_can_be_called_is_said_at_load(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    """A test of a row would be accepted and fail in the middle of a run, or a parameter would run code while the rules are read."""
    files = {**FILES, "book.yaml": BOOK + ANY}
    assert 1 == files[file].count(old)
    write(tmp_path, {**files, file: files[file].replace(old, new)})
    errors = found(tmp_path, {"net": net, "grows": lambda x: x > 0}, Severity.ERROR)
    assert 1 == len(errors), errors
    assert errors[0].startswith(expected)
    assert "function-out-of-place" in errors[0]


def test_a_number_of_periods_is_not_worked_out_by_a_function(tmp_path: Path) -> None:
    """Reading the rules would run the rule book's own code."""
    called: list[float] = []

    def twice(x: float) -> float:
        called.append(x)
        return 2 * x

    metrics = METRICS + (
        "  steady:\n    definition: x\n    grain: [channel, month]\n    owner: Finance\n    sustained: {condition: sales > $5, periods: many, grain: month}\n"
    )
    rules = BOOK.replace("  floor: $5", "  floor: $5\n  many: twice(1)")
    folder = book(tmp_path, declared="functions:\n  twice: {takes: 1, gives: any}\n", playbook=PLAYBOOK, rules=rules, metrics=metrics)
    errors = found(folder, {"twice": twice}, Severity.ERROR)
    assert ["wrong-type the shared threshold `many` is no number of periods (a whole number from 1 to 520)"] == [line.split(" ", 1)[1] for line in errors]
    assert [] == called


def test_looking_at_the_files_alone_needs_no_functions(tmp_path: Path) -> None:
    """`lint` in a job without the package would report an error, or say nothing of what is lacking."""
    folder = book(tmp_path)
    assert [] == found(folder, None)
    assert ["book.yaml:27:3 function-not-handed-in the function `net` is declared, but was not handed in"] == [
        line.split(" (")[0] for line in found(folder, None, Severity.NOTE) if "function" in line
    ]


def test_the_hash_covers_the_declaration(tmp_path: Path) -> None:
    """Two rule books that call a function in different units, or of another version, would have the same hash."""
    hashes = [
        read_book(book(tmp_path / str(place), declared=declared), {"net": net}).book.hash
        for place, declared in enumerate((DECLARED, DECLARED.replace("about:", "version: '2', about:"), DECLARED.replace("share", "ratio"), DECLARED))
    ]
    assert (3, hashes[0]) == (len(set(hashes)), hashes[3])


@pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame, lambda rows: pl.DataFrame(rows).lazy()], ids=["polars", "pandas", "lazy"])
def test_a_frame_says_which_function_stops_it(tmp_path: Path, frame: Callable[[dict[str, list[float]]], Any]) -> None:
    """A frame would be decided without the function, or fail inside an engine."""
    engine = dos.Engine.load(book(tmp_path), functions={"net": net})
    expected = "`budget` is not decided on a frame: branch `more` calls `net`, a Python function that no dataframe engine can run"
    with pytest.raises(dos.DataError) as caught:
        engine.decide_frame("budget", frame({"deal_size": [109.0], "sales": [10.0]}), given={"slo_green": True})
    assert str(caught.value).startswith(expected)
    with pytest.raises(dos.ExpressionError) as error:
        dos.compile("1 < root(x)", functions={"root": dos.Function(math.sqrt, 1)}).columns()
    assert (5, "^" * 7) == (error.value.column, error.value.excerpt.split()[-1])


# ── in expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_values_come_in_the_units_that_are_taken() -> None:
    """A function of hours would be handed days, and a share as a per cent."""
    seen: list[tuple[float, ...]] = []

    def note(*values: float) -> float:
        seen.append(values)
        return 36.0

    function = dos.Function(note, takes=["hours", "share"], gives="hours")
    expression = dos.compile("wait(age, 5%) == 1.5d", units={"age": "days"}, functions={"wait": function})
    assert expression.evaluate({"age": 2}) is True
    assert expression.explain({"age": 2}).value is True
    assert {(48.0, 0.05)} == set(seen)
    undeclared = dos.compile("wait(age, rate) > 2h", functions={"wait": function})
    assert undeclared.evaluate({"age": dt.timedelta(days=1), "rate": 0.1}) is True
    assert (24.0, 0.1) == seen[-1]


@pytest.mark.parametrize(
    ("gives", "result", "expected"),
    [
        ("USD", 3, 3.0),
        ("USD", "3", "error: `f` gave a text, not a number"),
        ("USD", True, "error: `f` gave true or false, not a number"),
        ("USD", None, "undefined: `f` gave no value"),
        ("USD", math.inf, "undefined: `f` gave no value"),
        ("USD", dt.timedelta(1), "error: `f` gave a duration, not a number"),
        ("truth", 1, "error: `f` gave a number, not true or false"),
        ("truth", False, False),
        ("text", "won", "won"),
        ("text", 1.0, "error: `f` gave a number, not a text"),
        (None, "won", "won"),
        (None, dt.date(2026, 1, 1), dt.date(2026, 1, 1)),
        (None, [1], "error: `f` failed: a list is not a value a rule can read"),
        (None, 2**60 + 1, "error: `f` failed: an integer beyond 2**53 cannot be compared exactly"),
        (None, dos.Unknown.because(dos.Reason.TOO_FEW, "x", "n = 3"), "x is too few: n = 3"),
    ],
)
def test_a_result_is_what_was_promised(gives: str | None, result: object, expected: object) -> None:
    """A text would be compared as a number, or a list would reach a rule."""
    expression = dos.compile("f(x)", functions={"f": dos.Function(lambda _: result, 1, gives)})
    for answer in (expression.evaluate({"x": 1}), expression.explain({"x": 1}).value):
        assert expected == (str(answer.causes[0]) if isinstance(answer, dos.Unknown) else answer)


class Silent(Exception):  # noqa: N818 - it is raised on purpose, once
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(("error", "said"), [(ValueError(), "ValueError"), (Silent(), "Silent"), (ValueError("x" * 10**6), "x" * 200)])
def test_an_exception_is_told_in_short(error: Exception, said: str) -> None:
    """A record would carry a megabyte of message, or telling the failure would fail."""

    def f(x: float) -> float:
        raise error

    answer = dos.compile("f(x) > 1", functions={"f": dos.Function(f, 1)}).evaluate({"x": 1})
    assert isinstance(answer, dos.Unknown)
    assert f"`f` failed: {said}" == answer.causes[0].detail


def test_definitions_bring_the_functions_they_call() -> None:
    """A projection that calls a function could be used only where the function is named again."""
    price = dos.compile("net(list, step)", units={"list": "USD", "step": "share"}, functions={"net": dos.Function(net, ["USD", "share"], "USD")})
    gate = dos.compile("price ≥ $90", definitions={"price": price})
    assert (("net",), True, False) == (gate.calls, gate.evaluate({"list": 100, "step": 0.1}), gate.evaluate({"list": 100, "step": 0.2}))


def test_copies_and_pickles_call_the_same_function() -> None:
    """A worker would be handed an expression without its functions; one with a lambda it does not call could not be sent."""
    functions = {"net": dos.Function(net, 2), "never": dos.Function(lambda x: x, 1)}
    expression = dos.compile("net(price, 0.5) > 4", functions=functions)
    for other in (copy.copy(expression), copy.deepcopy(expression), pickle.loads(pickle.dumps(expression))):
        assert expression == other
        assert (True, False) == (other.evaluate({"price": 10}), other.evaluate({"price": 8}))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(dos.compile("never(price) > 4", functions=functions))


def test_what_is_handed_to_compile_is_checked() -> None:
    """A bare function would end in an AttributeError deep inside, and one called `abs` would never be called."""
    with pytest.raises(dos.InputError, match=r"the function `root` is handed in as a builtin_function_or_method.*write `dos.Function\(root"):
        dos.compile("root(x) > 1", functions={"root": math.sqrt})  # type: ignore[dict-item]  # the mistake is the point
    with pytest.raises(dos.InputError, match="`abs` is a function of the language"):
        dos.compile("abs(x) > 1", functions={"abs": dos.Function(math.sqrt, 1)})
    with pytest.raises(dos.InputError, match="at least one value"):
        dos.Function(math.sqrt, [])
    with pytest.raises(dos.UnitError, match="did you mean `months`"):
        dos.Function(math.sqrt, ["monts"])


# ── on the command line ──────────────────────────────────────────────────────────────────────────────────────────────────────────

MODULE = """\
import math
__all__ = ["net"]
def net(price, discount): return price * (1 - discount)
def helper(): raise SystemError
table = {"net": net}
"""


@pytest.mark.parametrize(
    ("functions", "code", "said"),
    [
        (None, 2, "function-not-handed-in"),
        ("prices", 0, "HOLD"),
        ("prices:net", 0, "HOLD"),
        ("prices:table", 0, "HOLD"),
        ("prices:math", 2, "`prices` has no function, and no mapping of names to functions, that is called `math`"),
        ("prices:nett", 2, "that is called `nett`"),
        ("pricey", 2, "`pricey` cannot be imported: ModuleNotFoundError"),
        ("broken", 2, "`broken` cannot be imported: ZeroDivisionError"),
    ],
)
def test_functions_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, functions: str | None, code: int, said: str) -> None:
    """A rule book with functions could not be used from a shell, or a mistake in the module would be a traceback."""
    monkeypatch.chdir(tmp_path)
    book(tmp_path / "rules")
    write(tmp_path, {"prices.py": MODULE, "broken.py": "1 / 0\n"})
    given = ["--functions", functions] if functions else []
    arguments = ["decide", "rules", "budget", "--input", "deal_size=108", "--input", "sales=10", "--input", "slo_green=true", *given]
    result = CliRunner().invoke(app, arguments)
    assert code == result.exit_code, result.output
    assert said in " ".join(result.output.split())


def test_lint_runs_no_code_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at rules would run whatever lies beside them."""
    monkeypatch.chdir(tmp_path)
    book(tmp_path / "rules")
    write(tmp_path, {"prices_of_lint.py": "open('ran', 'w').close()\ndef net(price): return price\n"})
    alone = CliRunner().invoke(app, ["lint", "rules"])
    assert (0, False) == (alone.exit_code, Path("ran").exists())
    assert "function-not-handed-in" in alone.output
    told = CliRunner().invoke(app, ["lint", "rules", "--functions", "prices_of_lint"])
    assert (1, True) == (told.exit_code, Path("ran").exists())
    assert "function-arity `net` is declared to take 2 values, but the function handed in takes `(price)`" in told.output


def test_a_demand_form_computed_in_python_is_told_by_the_author_s_word(tmp_path: Path) -> None:
    """Whoever wrote `constant_elasticity` would be told of a function that stands nowhere in the rules."""
    folder = tmp_path / "rules"
    shutil.copytree(dos.reference_rules(), folder)
    path = folder / "playbooks" / "pricing.change.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("form: linear", "form: constant_elasticity"), encoding="utf-8")
    engine = dos.Engine.load(folder)
    with pytest.raises(dos.DataError, match="branch `raise_list` calls `constant_elasticity`, a Python function that no dataframe engine can run"):
        engine.decide_frame("pricing.change", pl.DataFrame({"elasticity": [-0.62]}))
