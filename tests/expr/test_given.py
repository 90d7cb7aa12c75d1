"""Every value and argument of `given.txt` is met with the words that stand there."""

from __future__ import annotations

from tests.expr.given import kept, shown


def test_what_is_said_of_what_is_handed_in() -> None:
    """A caller would be told something else: run `python -m tests.expr.given` and read the difference."""
    expected = kept()
    for number, line in enumerate(shown()):  # one by one: the first that differs says more than all of them at once
        assert expected[number] == line
    assert len(expected) == number + 1
