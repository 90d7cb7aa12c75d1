"""What is said of a slip: sound texts with one word left out, doubled, changed places with its neighbour, or something put between two.

`slips.txt` holds each text with what is said of it on one line; `python -m tests.expr.slips` writes it anew, for a reader to go through.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from decision_os.expr import analyse, analyse_threshold
from decision_os.expr.notation import tokens
from tests.expr.said import SCOPE

FILE = Path(__file__).with_name("slips.txt")

SOUND = (
    "E ∈ [−1.0, −0.3] and price ≥ $3",
    "`CAC/SQO` <= baseline * 0.9",
    "win_rate >= win_rate_baseline + 2pp",
    "80 <= price < $1.2k",
    'stage in {"won", "lost"}',
    "stage not in stages or not flag",
    "price if flag else fee * 1_000",
    "clip(price, $1, $9) > min(price, 2)",
    "age < 2d and late >= 1h30m",
    "payback in 6 months ± 10%",
    "is_missing(cac) or coalesce(cac, 7) > 1e3",
    "abs(-price) ** 2 > (price - 1) / 3",
    "net(price, 20%) > 5 USD",
    "P(Route<2m) >= 0.98",
)
STRAY = (
    ".",
    ",",
    ":",
    ";",
    "!",
    "=",
    "%",
    "&",
    "?",
    "'",
    "`",
    "[",
    "}",
    "§",
    "is",
    "not",
    "if",
    "else",
    "in",
    "then",
    "pct",
    "m",
    "$",
    "5",
    "х",
    "²",
    "\u200b",
    "--",
)


def slips() -> Iterator[str]:
    """Each text once, in an order that does not change."""
    seen: set[str] = set()
    for text in SOUND:
        for slip in (text, *_of(text)):
            if slip not in seen:
                seen.add(slip)
                yield slip


def _of(text: str) -> Iterator[str]:
    words = [(token.start, token.end) for token in tokens(text)[:-1]]
    for start, end in words:
        yield text[:start] + text[end:]
        yield text[:end] + " " + text[start:end] + text[end:]
        yield text[: end - 1] + text[end:]
        yield text[:start] + text[start:end].upper() + text[end:]
    for (a, b), (c, d) in pairwise(words):
        yield text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
    for place, (start, _) in enumerate(words):
        for number in range(3):
            stray = STRAY[(place * 3 + number + len(text)) % len(STRAY)]
            yield f"{text[:start]}{stray} {text[start:]}" if number else f"{text[:start]}{stray}{text[start:]}"
    yield text + " " + STRAY[len(text) % len(STRAY)]


def said(slip: str) -> str:
    """What is said of it where the names are known, where they are not, and as a threshold; `fine` where nothing is."""
    answers = (
        "; ".join(
            f"{issue.where.line}:{issue.where.column}+{issue.excerpt.rpartition(chr(10))[2].count('^')} {issue.code} {issue.message} ({issue.hint})"
            for issue in found.issues
        )
        or "fine"
        for found in (analyse(slip, **SCOPE), analyse(slip), analyse_threshold(slip))
    )
    return " | ".join(dict.fromkeys(answers))


def lines() -> Iterator[str]:
    """The lines of the file."""
    for slip in slips():
        yield f"{slip.encode('unicode_escape').decode()}  →  {said(slip)}".replace("\n", "⏎")


def kept() -> list[str]:
    """What the file holds."""
    return FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
