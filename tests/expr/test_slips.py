"""Every slip of `slips.txt` is met with the words that stand there."""

from __future__ import annotations

from tests.expr.slips import kept, lines


def test_what_is_said_of_a_slip() -> None:
    """An author would be shown another place, or told something else: run `python -m tests.expr.slips` and read the difference."""
    expected = kept()
    for number, line in enumerate(lines()):  # one by one: the first that differs says more than all of them at once
        assert expected[number] == line
    assert len(expected) == number + 1
