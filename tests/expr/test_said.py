"""Every text of `said.txt` is read, or refused, in the words that stand there."""

from __future__ import annotations

import pytest

from tests.expr.said import cases, said, text_of
from tests.named import plain

CASES = list(cases())


@pytest.mark.parametrize(("scope", "shown", "expected"), CASES, ids=[plain(f"{scope}> {shown}"[:60]) for scope, shown, _ in CASES])
def test_what_is_said(scope: str, shown: str, expected: str) -> None:
    """An author would read another tree, another place or another word than before: run `python -m tests.expr.said` and read the difference."""
    assert expected == said(scope, text_of(shown))


def test_each_text_once() -> None:
    """A text asked twice says nothing more, and hides which answer is meant."""
    assert len(CASES) == len({(scope, shown) for scope, shown, _ in CASES})
