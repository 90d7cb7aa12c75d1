"""`python -m tests.expr.fuzz`: coverage-guided texts, by `atheris` (the extra `fuzz`), against the property of `safety`.

Each chunk is a process of its own: libFuzzer ends the one it runs in. The seeds are the texts of the case tables; what a chunk learns is kept
in the corpus folder and taken up by the next. A finding ends the run, and its text lies in the findings folder: mend it, and add the text to
`test_hostile.FOUND`. Exit 1 if there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WORDS = (
    *(
        "and",
        "or",
        "not",
        "in",
        "if",
        "else",
        "True",
        "False",
        "min(",
        "max(",
        "abs(",
        "clip(",
        "coalesce(",
        "is_missing(",
        "P(",
        "pp",
        "months",
        "USD",
        "1h30m",
    ),
    *(
        "<=",
        ">=",
        "==",
        "!=",
        "+/-",
        "**",
        "≤",
        "≥",
        "≠",
        "×",
        "÷",
        "−",
        "∧",
        "∨",
        "¬",
        "∈",
        "∉",
        "±",
        "$",
        "€",
        "%",
        "`",
        '"',
        "'",
        "\\",
        "1e300",
        "0.1",
        "\u00a0",
    ),
)
"""What libFuzzer puts into texts, beside single bytes."""


def seeds() -> Iterator[str]:
    """Every text of the case tables of the language, and the hostile ones."""
    from tests.expr import hostile, test_checker, test_notation, test_parser

    yield from (
        row[0] for table in (test_parser.FORMS, test_parser.MISTAKES, test_notation.NUMBERS, test_notation.REFUSED, test_checker.WRONG) for row in table
    )
    yield from test_checker.FINE
    yield from hostile.fixed()


def plant(corpus: Path, dictionary: Path) -> None:
    """Write seeds and words where libFuzzer looks for them."""
    corpus.mkdir(parents=True, exist_ok=True)
    for text in seeds():
        raw = text.encode("utf-8", "surrogatepass")
        (corpus / hashlib.sha1(raw, usedforsecurity=False).hexdigest()).write_bytes(raw)
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in WORDS]
    dictionary.write_text("\n".join(lines) + "\n", encoding="ascii")


def fuzz(arguments: list[str]) -> None:
    """Run libFuzzer in this process, which it ends."""
    import atheris

    with atheris.instrument_imports(include=["decision_os.expr", "decision_os.units", "decision_os.errors"]):
        from decision_os import units
        from tests.expr import safety
    safety.strict()
    measured = safety.TimeMeter(4 * safety.MILLISECONDS)  # the fuzzer counts every line that is run, and that takes its time
    runs = 0

    def one(data: bytes) -> None:
        nonlocal runs
        runs += 1
        text = data.decode("utf-8", "surrogateescape")
        if runs % 1_000 == 0:
            safety.examined(text, safety.MemoryMeter())
        elif runs % 10 == 0:
            safety.examined(text, measured, whole=runs % 100 == 0)
            safety.parsed(units.parse_unit, text)
        else:
            safety.evaluated(text, measured)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def main() -> int:
    """Run the chunks, and say how many texts went through."""
    options = argparse.ArgumentParser(prog="python -m tests.expr.fuzz", description="Coverage-guided fuzzing of the expression language.")
    options.add_argument("--runs", type=int, default=1_000_000, help="texts in all (default %(default)s)")
    options.add_argument("--chunk", type=int, default=250_000, help="texts of one process (default %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="seed of the first chunk, counted up (default %(default)s)")
    options.add_argument("--folder", type=Path, default=Path(".fuzz"), help="where corpus and findings lie (default %(default)s)")
    options.add_argument("--worker", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.worker is not None:
        fuzz(chosen.worker)
        return 0
    corpus, findings, dictionary = (chosen.folder / name for name in ("corpus", "findings", "words.dict"))
    findings.mkdir(parents=True, exist_ok=True)
    plant(corpus, dictionary)
    began, done = time.monotonic(), 0
    for seed in range(chosen.seed, chosen.seed + -(-chosen.runs // chosen.chunk)):
        flags = [f"-runs={chosen.chunk}", f"-seed={seed}", "-max_len=2100", "-malloc_limit_mb=50", "-timeout=10", "-verbosity=0"]
        command = [sys.executable, "-m", "tests.expr.fuzz", "--worker", str(corpus), *flags, f"-dict={dictionary}", f"-artifact_prefix={findings}/"]
        if subprocess.run(command, check=False).returncode:
            print(f"a finding in the chunk of seed {seed}: its text lies in {findings}")
            return 1
        done += chosen.chunk
        print(f"{done:,} texts, {done / (time.monotonic() - began):,.0f} a second, {sum(1 for _ in corpus.iterdir()):,} in the corpus", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
