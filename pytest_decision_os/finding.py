"""Which rule book a file of cases belongs to. Nothing of the library is imported: most files of that name are somebody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["is_cases", "rules_of"]

_BOOK: Final = re.compile(r"^rule_book[ \t]*:(?=\s|$)", re.MULTILINE)
_LARGEST: Final = 8_000_000  # bytes: what is larger is no rule file


def is_cases(path: Path) -> bool:
    """Whether a file may hold cases, by its name."""
    return path.name.endswith("cases.yaml")


def rules_of(path: Path, top: Path) -> Path | None:
    """The rules folder of a file of cases: the nearest at or above it with a file that has the section `rule_book`: a mapping.

    It is looked for up to `top`, and in the file's own folder alone where that is not below it.
    """
    for folder in path.resolve().parents:
        if any(_has_book(found) for found in sorted(folder.glob("*.y*ml")) if not is_cases(found)):
            return folder
        if folder == top.resolve() or not folder.is_relative_to(top.resolve()):
            return None
    return None


def _has_book(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() and path.stat().st_size <= _LARGEST else ""
    except OSError:
        return False
    found = _BOOK.search(text)
    return found is not None and _may_be_mapping(text[found.end() :])


def _may_be_mapping(after: str) -> bool:
    """Whether what follows a key is not plainly a text, a number or a list; a key without a value may be one that is being written."""
    for number, line in enumerate(after.splitlines()):
        said = line.strip()
        if said and not said.startswith("#"):
            if said.startswith(("{", "&", "!")):
                return True
            return number > 0 and (line == line.lstrip() or ":" in said) and not said.startswith(("- ", "["))
    return True
