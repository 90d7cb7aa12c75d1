"""Commands that check promises: `slo` and `ledger verify`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import attrs
import click

from decision_os.batch import read_loads, statuses
from decision_os.cli.console import say, say_json
from decision_os.cli.kept import read_records
from decision_os.cli.options import Functions, at_option, file_argument, format_option, functions_option, now, rules_argument
from decision_os.engine import Engine
from decision_os.engine.feeds import freshness, load_log
from decision_os.errors import InputError
from decision_os.ledger import Checkpoint, Ledger

__all__ = ["ledger", "reviews", "slo"]


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
@click.option("--checkpoint", "kept", metavar="CHECKPOINT", help="What `ledger checkpoint` printed, kept elsewhere: the ledger has to go on from it.")
@format_option("text", "json")
@click.pass_context
def verify(ctx: click.Context, file: Path, kept: str | None, style: str) -> None:
    """Check every line of the ledger FILE, and that each follows the one before it. Exits 1 where something is wrong.

    FILE is read and never changed: a last line that a crash left unfinished is reported, and moved aside by the next append.
    """
    found = Ledger(file, recover=False).verify(_checkpoint(kept) if kept is not None else None)
    if style == "json":
        say_json(attrs.asdict(found))
    else:
        lines = [f"{file}:{problem.line}: {problem.what}" for problem in found.problems]
        lines += [f"an entry left unfinished was set aside in {path}" for path in found.recovered]
        lines.append(f"{'verified' if found.ok else 'does not verify'}: {found.entries} entries{f', head {found.head}' if found.head else ''}")
        say("\n".join(lines))
    ctx.exit(int(not found.ok))


def _checkpoint(text: str) -> Checkpoint:
    parts = text.split(":", 2)
    try:
        size, entries, head = int(parts[0]), int(parts[1]), parts[2]
    except (ValueError, IndexError):
        raise InputError(f"`{text}` is no checkpoint", name="checkpoint", hint="write what `decision-os ledger checkpoint FILE` prints") from None
    return Checkpoint(size, entries, head)


@ledger.command()
@file_argument
def checkpoint(file: Path) -> None:
    """Print how far the ledger FILE has come, for `verify --checkpoint`.

    Keep it where those who write the ledger cannot reach: without one, a tail that was cut off leaves no trace.
    """
    found = Ledger(file, recover=False).checkpoint()
    say(f"{found.size}:{found.entries}:{found.head}")


@click.command()
@rules_argument
@click.option("--records", type=click.Path(path_type=Path), help="A ledger, or records as JSON Lines: what waits for each review is shown.")
@at_option
@functions_option
def reviews(rules: Path, records: Path | None, at: dt.datetime | None, functions: Functions) -> None:
    """List the next review of each cadence of RULES, and what waits for it."""
    engine, when = Engine.load(rules, functions=functions), now(at)
    found = engine.reviews(when) if records is None else engine.agenda(read_records(records), when)
    say("\n".join(str(review) if records is not None else str(review).partition("\n")[0] for review in found))
