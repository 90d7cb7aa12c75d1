"""Commands that ask a solver: `diff`, and what `lint --prove` adds. It is imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import click

from decision_os.cli.console import say, say_json
from decision_os.cli.options import Functions, format_option, functions_option
from decision_os.engine import Engine
from decision_os.errors import Issue, NotFoundError

__all__ = ["diff", "proofs_of"]


def _proofs() -> ModuleType:
    try:
        from decision_os import proofs  # noqa: PLC0415  # the solver is loaded when it is asked something
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        raise NotFoundError('proofs need a solver: pip install "decision-os[prove]"') from None
    return proofs


def proofs_of(engine: Engine, seconds: float, gaps: int) -> list[Issue]:
    """What is proven of every decision of a rule book, and of those that move one lever."""
    proofs = _proofs()
    issues = [finding.issue for node in engine.nodes for finding in proofs.prove(engine, node, seconds=seconds, gaps=gaps).findings]
    return [*issues, *(finding.issue for finding in proofs.shared_levers(engine, seconds=seconds))]


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="How long the comparison may take.")
@functions_option
@format_option("text", "json")
@click.pass_context
def diff(ctx: click.Context, old: Path, new: Path, seconds: float, functions: Functions, style: str) -> None:
    """Say what changed from the rules OLD to the rules NEW.

    In words, and in what is decided: each decision is equivalent, stricter, looser, incomparable or not-proven, with inputs that show it. Exits 1 where
    anything changed.
    """
    changes = _proofs().difference(Engine.load(old, functions=functions), Engine.load(new, functions=functions), seconds=seconds)
    if style == "json":
        say_json([_plain(change) for change in changes])
    else:
        say("\n".join(str(change) for change in changes))
    ctx.exit(int(any(change.relation != "equivalent" or change.words for change in changes)))


def _plain(change: Any) -> dict[str, Any]:
    def values(witness: Any) -> dict[str, Any] | None:
        if witness is None:
            return None
        return {"inputs": dict(witness.values), "choose": dict(witness.choose), "before": witness.was, "now": witness.now}

    return {
        "decision": change.playbook,
        "relation": change.relation,
        "words": list(change.words),
        "acted_before": values(change.less),
        "acts_now": values(change.more),
    }
