"""Commands that test the rules, and the tests: `test` decides the cases beside them, `mutate` tries what mistakes they would notice."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from decision_os.cases import Case, cases_files, check, given_of, read_cases
from decision_os.cli.console import annotation, say, say_json
from decision_os.cli.options import Functions, format_option, functions_option, rules_argument
from decision_os.coverage import Coverage, Report, report
from decision_os.engine import Engine
from decision_os.errors import CasesError, DataError, Issue, Where
from decision_os.mutation import PytestRun, try_mutants

__all__ = ["mutate", "test"]


def _every_case(rules: Path, engine: Engine) -> list[Case]:
    """The cases of all files of cases in a rules folder.

    Raises `CasesError` with everything that is wrong in any of them, `DataError` where there is none.
    """
    cases: list[Case] = []
    issues: list[Issue] = []
    for path in cases_files(rules):
        try:
            cases += read_cases(path, engine)
        except CasesError as error:
            issues += error.issues
    if issues:
        raise CasesError(issues)
    if not cases:
        raise DataError(f"there are no cases in `{rules}`; write them in `{rules / 'cases.yaml'}`")
    return cases


@click.command()
@rules_argument
@click.option("--coverage", is_flag=True, help="Also say what the cases leave untried of each condition, with a case that would try it (extra `prove`).")
@click.option("--fail-under", type=click.FloatRange(0, 100), help="Exit 1 where the coverage is below that many per cent; implies `--coverage`.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="How long looking for such cases may take.")
@functions_option
@format_option("text", "json", "github")
@click.pass_context
def test(ctx: click.Context, rules: Path, coverage: bool, fail_under: float | None, seconds: float, functions: Functions, style: str) -> None:
    """Decide the cases beside RULES, and say which come out otherwise.

    Cases stand in files called `cases.yaml`. Exits 1 where one comes to something else, and where the coverage is below what is asked.
    """
    engine = Engine.load(rules, functions=functions)
    cases = _every_case(rules, engine)
    seen = Coverage(engine)
    with ExitStack() as lasting:
        if coverage or fail_under is not None:
            lasting.enter_context(seen.watching())
        failed = {case.where: said for case in cases if (said := check(engine, case))}
    found = report(seen, given=given_of(cases), seconds=seconds) if coverage or fail_under is not None else None
    if style == "json":
        say_json(_plain(cases, failed, found))
    elif style == "github":
        for case in cases:
            if case.where in failed:
                click.echo(annotation(Issue("case-failed", failed[case.where].partition("\n\n")[0], case.where)))
    else:
        told = f"{len(cases)} case{'' if len(cases) == 1 else 's'}: {len(cases) - len(failed)} as expected, {len(failed)} not"
        say("\n\n".join([*failed.values(), *([str(found)] if found is not None else []), told]))
    ctx.exit(int(bool(failed) or (found is not None and fail_under is not None and found.percent < fail_under)))


def _plain(cases: Sequence[Case], failed: dict[Where, str], found: Report | None) -> dict[str, Any]:
    every = [{"decision": case.node, "name": case.name, "file": case.where.file, "line": case.where.line, "failure": failed.get(case.where)} for case in cases]
    return {"cases": every, "failed": len(failed), **({"coverage": found.to_dict()} if found is not None else {})}


@click.command()
@rules_argument
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="A decision to try; all, unless given. May be repeated.")
@click.option("--pytest", "arguments", metavar="ARGUMENTS", help="Also run pytest, with these arguments, for each mistake that no case notices.")
@click.option("--fail-under", type=click.FloatRange(0, 100), help="Exit 1 where the score is below that many per cent.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="How long the solver may take in all.")
@functions_option
@format_option("text", "json")
@click.pass_context
def mutate(
    ctx: click.Context,
    rules: Path,
    nodes: tuple[str, ...],
    arguments: str | None,
    fail_under: float | None,
    seconds: float,
    functions: Functions,
    style: str,
) -> None:
    """Put small mistakes into RULES, and see which the cases notice.

    One at a time: a threshold shifted by a step, `<` for `<=`, an open end for a closed one, a condition dropped, `%` for `pp`, two branches swapped.
    The files stay as they are.
    """
    engine = Engine.load(rules, functions=functions)
    cases = _every_case(rules, engine)
    wrong = [case for case in cases if check(engine, case)]
    if wrong:
        raise DataError(f"{len(wrong)} of {len(cases)} cases fail without any mistake in the rules; see `decision-os test {rules}`")
    tests = PytestRun(engine, shlex.split(arguments)) if arguments is not None else None
    score = try_mutants(engine, cases, nodes=nodes or None, tests=tests, seconds=seconds)
    if style == "json":
        say_json(score.to_dict())
    else:
        say(str(score))
    ctx.exit(int(fail_under is not None and score.percent < fail_under))
