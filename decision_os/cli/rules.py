"""Commands about the rules themselves: `lint`, `graph`, `init`."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from decision_os import graph as graphs
from decision_os.cli.console import annotation, say, say_json
from decision_os.cli.options import Functions, format_option, functions_option, rules_argument
from decision_os.cli.proving import proofs_of
from decision_os.engine import Engine
from decision_os.errors import DataError, Issue, Severity
from decision_os.lint import check
from decision_os.reference import reference_rules
from decision_os.render import graph_mermaid
from decision_os.wire import read_book

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["graph", "init", "lint"]

_UNREADABLE: Final = "no-rules"


@click.command()
@rules_argument
@click.option("--prove", is_flag=True, help="Also prove overlaps, gaps, dead branches and zero divisors (extra `prove`).")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="How long one decision's proofs may take.")
@click.option("--gaps", type=click.IntRange(min=1), default=16, show_default=True, help="How many kinds of gap of one decision are told apart.")
@functions_option
@format_option("text", "json", "github")
@click.pass_context
def lint(ctx: click.Context, rules: Path, functions: Functions, prove: bool, seconds: float, gaps: int, style: str) -> None:
    """Report all that can be known about RULES without data.

    Without `--functions`, calls of Python functions are checked by what RULES declares of them. Exits 1 where there are errors;
    with `--prove` also where a proof finds what is neither fine nor marked as `meant`.
    """
    loaded = read_book(rules, functions)
    unreadable = [issue for issue in loaded.issues if issue.code == _UNREADABLE]
    issues = unreadable or sorted((*loaded.issues, *check(loaded.book)), key=lambda issue: issue.where)
    errors = any(issue.severity is Severity.ERROR for issue in issues)
    proven = proofs_of(Engine(loaded.book), seconds, gaps) if prove and not errors else []
    issues = [*issues, *proven]
    if style == "json":
        say_json([_plain(issue) for issue in issues])
    elif style == "github":
        for issue in issues:
            click.echo(annotation(issue))
    else:
        say("\n".join([*(_line(issue) for issue in issues), _verdict(issues)]))
    ctx.exit(2 if unreadable else int(errors or any(issue.severity is Severity.WARNING for issue in proven)))


def _line(issue: Issue) -> str:
    first, newline, rest = str(issue).partition("\n")
    mark = "" if issue.severity is Severity.ERROR else f" [{issue.severity.value}]"
    return f"{first}{mark}{newline}{rest}"


def _verdict(issues: Sequence[Issue]) -> str:
    counts = Counter(issue.severity for issue in issues)
    told = [f"{count} {severity.value}{'' if count == 1 else 's'}" for severity in Severity if (count := counts[severity])]
    return ", ".join(told) or "no findings"


def _plain(issue: Issue) -> dict[str, Any]:
    return {
        "code": issue.code,
        "severity": issue.severity.value,
        "message": issue.message,
        "hint": issue.hint,
        "file": issue.where.file,
        "line": issue.where.line,
        "column": issue.where.column,
    }


@click.command()
@rules_argument
@click.option("--impact", metavar="NAME", help="Which decisions rest on NAME, and by which paths.")
@click.option("--lineage", metavar="NAME", help="Everything NAME rests on, in the order data flows.")
@functions_option
@format_option("text", "json", "mermaid")
def graph(rules: Path, impact: str | None, lineage: str | None, functions: Functions, style: str) -> None:
    """Show what feeds what in RULES.

    From sources by entities, tests, facts and metrics to decisions.
    NAME is an id or a label; `metric:payback` where several kinds share one.
    """
    if impact and lineage:
        raise click.UsageError("`--impact` and `--lineage` are two questions; ask one at a time")
    whole = Engine.load(rules, functions=functions).graph
    if impact:
        reached = graphs.impact(whole, impact)
        touched = {node for paths in reached.values() for path in paths for node in path}
        _print(style, reached, _impact_text(impact, reached), whole, touched)
    elif lineage:
        above = graphs.lineage(whole, lineage)
        itself = {node for node, data in whole.nodes(data=True) if lineage in {node, data["id"], data["label"]}}
        _print(style, above, "\n".join(above) or f"`{lineage}` rests on nothing", whole, {*above, *itself})
    else:
        nodes = [{"name": node, **whole.nodes[node]} for node in graphs.order(whole)]
        _print(style, {"nodes": nodes, "edges": sorted(whole.edges)}, _whole_text(whole), whole, set(whole))


def _print(style: str, data: Any, text: str, whole: nx.DiGraph[str], shown: set[str]) -> None:
    if style == "json":
        say_json(data)
    elif style == "mermaid":
        part = whole.copy()  # not a view: that has its nodes in no particular order
        part.remove_nodes_from([node for node in whole if node not in shown])
        click.echo(graph_mermaid(part))
    else:
        say(text)


def _impact_text(name: str, reached: dict[str, list[list[str]]]) -> str:
    if not reached:
        return f"no decision rests on `{name}`"
    return "\n".join(line for decision, paths in reached.items() for line in (decision, *(f"  {' → '.join(path)}" for path in paths)))


def _whole_text(whole: nx.DiGraph[str]) -> str:
    lines = []
    for node in graphs.order(whole):
        feeds = ", ".join(sorted(whole.predecessors(node)))
        lines.append(f"{node}{f' ← {feeds}' if feeds else ''}")
    return "\n".join(lines)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Write the reference rule book into FOLDER.

    It is there to be edited. A folder with something in it is left alone.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "is not empty" if folder.is_dir() else "is a file"
        raise DataError(f"`{folder}` {what}; name a new folder")
    shutil.copytree(reference_rules(), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    say("\n".join([*(str(path) for path in written), f"edit them, then check with `decision-os lint {folder}`"]))
