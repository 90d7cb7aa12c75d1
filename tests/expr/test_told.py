"""Every expression of `said.txt` comes to what `told.txt` says, for the reasons that stand there."""

from __future__ import annotations

from tests.expr.told import kept, told


def test_what_is_told() -> None:
    """A reader would be told another value, margin, unit, reason or flip than before: run `python -m tests.expr.told` and read the difference."""
    expected = kept()
    for number, (asked, answer) in enumerate(told()):  # one by one: the first that differs says more than all of them at once
        assert expected[number] == f"{asked}\n{answer}"
    assert len(expected) == number + 1
