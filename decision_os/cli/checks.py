"""Commands that check promises: `slo` and `ledger verify`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import attrs
import click

from decision_os.batch import read_loads, statuses
from decision_os.cli.console import say, say_json
from decision_os.cli.options import Functions, at_option, file_argument, format_option, functions_option, now, rules_argument
from decision_os.engine import Engine
from decision_os.engine.feeds import freshness, load_log
from decision_os.ledger import Ledger

__all__ = ["ledger", "slo"]


@click.command()
@rules_argument
@click.option(
    "--loads",
    required=True,
    type=click.Path(path_type=Path),
    help="The load log: a CSV file with the columns source and loaded_at, dbt's sources.json or freshness.json, or a folder of archived ones.",
)
@at_option
@functions_option
@format_option("text", "json")
@click.pass_context
def slo(ctx: click.Context, rules: Path, loads: Path, at: dt.datetime | None, functions: Functions, style: str) -> None:
    """Report how the freshness SLOs of RULES stand. Exits 1 where a promise is broken."""
    book = Engine.load(rules, functions=functions).book
    table = loads.is_file() and loads.suffix.lower() != ".json"
    found = freshness(book, load_log(book, read_loads(loads) if table else loads), now(at))
    if style == "json":
        say_json(
            {
                "at": found.at.isoformat(),
                "green": found.green,
                "statuses": statuses(found),
                "notes": [issue.message for issue in found.issues],
            }
        )
    else:
        say(str(found))
    ctx.exit(int(not found.green))


@click.group()
def ledger() -> None:
    """Look after a ledger of decision records."""


@ledger.command()
@file_argument
@format_option("text", "json")
@click.pass_context
def verify(ctx: click.Context, file: Path, style: str) -> None:
    """Check every line of the ledger FILE, and that each follows the one before it. Exits 1 where something is wrong.

    FILE is read and never changed: a last line that a crash left unfinished is reported, and moved aside by the next append.
    """
    found = Ledger(file, recover=False).verify()
    if style == "json":
        say_json(attrs.asdict(found))
    else:
        lines = [f"{file}:{problem.line}: {problem.what}" for problem in found.problems]
        lines += [f"an entry left unfinished was set aside in {path}" for path in found.recovered]
        lines.append(f"{'verified' if found.ok else 'does not verify'}: {found.entries} entries{f', head {found.head}' if found.head else ''}")
        say("\n".join(lines))
    ctx.exit(int(not found.ok))
