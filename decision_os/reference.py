"""Where the reference rule book is: in the wheel beside the code, in a checkout under `rules/`."""

from __future__ import annotations

from pathlib import Path

from decision_os.errors import NotFoundError

__all__ = ["reference_rules"]


def reference_rules() -> Path:
    """The folder of the reference rule book, the article's four decisions. Read it, or copy it and edit the copy.

    Raises `NotFoundError` where an installation lacks it.

    >>> (reference_rules() / "rule_book.yaml").is_file()
    True
    """
    here = Path(__file__).parent
    for folder in (here / "_reference_rules", here.parent / "rules"):
        if (folder / "rule_book.yaml").is_file():
            return folder
    raise NotFoundError(f"this installation has no reference rule book beside `{here}`: install the wheel again")
