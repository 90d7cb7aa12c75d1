"""`improves`, `worsens` and `order` in a playbook: what is read, and what is wrong with them, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_os.errors import Severity
from decision_os.model import Monotonicity
from decision_os.wire import read_book
from tests.small_book import PLAYBOOK, changed, findings, write

TWO = """\
  more:
    when: deal_size ≥ size_min and sales > floor
    action: raise
  less:
    when: deal_size < size_min
    action: cut
actions:
  cut: {text: cut budget}
"""


def with_lines(lines: str, *, two: bool = False) -> dict[str, str]:
    """The small rule book, with lines added to its playbook."""
    files = changed("reversal: {plan: revert", f"{lines}reversal: {{plan: revert")
    if two:
        start, end = PLAYBOOK.index("  more:\n"), PLAYBOOK.index("  raise:\n")
        files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace(PLAYBOOK[start:end], TWO)
    return files


def test_one_action_needs_no_order(tmp_path: Path) -> None:
    """A rule with one action would have to be told that acting is better than holding."""
    book = read_book(write(tmp_path, with_lines("improves: [deal_size]\nworsens: [slo_green]\n"))).book
    assert (
        Monotonicity(input="deal_size", improves=True, order=("hold", "raise")),
        Monotonicity(input="slo_green", improves=False, order=("hold", "raise")),
    ) == book.playbooks["budget"].monotonic


def test_an_order_of_several_actions(tmp_path: Path) -> None:
    """What is better than what would be taken from the order of the branches."""
    book = read_book(write(tmp_path, with_lines("order: [cut, hold, raise]\nimproves: [deal_size]\n", two=True))).book
    assert ("cut", "hold", "raise") == book.playbooks["budget"].monotonic[0].order


MISTAKES = {
    "improves: [deal_sise]\n": ["unknown-input `improves` of playbook `budget` names `deal_sise`, which is no input of it (did you mean `deal_size`?)"],
    "improves: [deal_size]\nworsens: [deal_size]\n": [
        "name-twice `worsens` of playbook `budget` names `deal_size`, which is promised already (name each input once)"
    ],
    "improves: [deal_size]\norder: [raise]\n": [
        "missing-value `order` of playbook `budget` lacks `hold` (put it where doing nothing stands, as in `[pause_channel, hold, shift_budget]`)"
    ],
    "improves: [deal_size]\norder: [hold, rise]\n": [
        "missing-value `order` of playbook `budget` lacks the action `raise` (one of them is taken: say where it stands)",
        "unknown-action `order` of playbook `budget` names `rise`, which is no action of it (did you mean `raise`?)",
    ],
    "improves: [deal_size]\norder: [hold, raise, hold]\n": ["name-twice `order` of playbook `budget` names `hold` twice"],
    "order: [hold, raise]\n": [
        "unused-order playbook `budget` orders its actions and promises nothing of them (write `improves` or `worsens`, or leave the order out)"
    ],
    "improves: {deal_size: yes}\n": ["wrong-type `improves` of playbook `budget` is a list, not a mapping"],
    "improves: [open_sev2_incidents]\n": [
        (
            "idle-promise `improves` of playbook `budget` names `open_sev2_incidents`, which no condition reads: "
            "whatever it is, the decision is the same (leave it out)"
        )
    ],
}


@pytest.mark.parametrize("lines", MISTAKES, ids=lambda lines: " ".join(lines.split()))
def test_a_mistake_is_said_with_its_place(lines: str, tmp_path: Path) -> None:
    """An author would not find what is wrong, or be told in the words of the loader."""
    found = findings(write(tmp_path, with_lines(lines)), Severity.ERROR, Severity.WARNING, Severity.NOTE)
    told = [line for line in found if any(f" {said.split()[0]} " in line for said in MISTAKES[lines])]
    assert sorted(MISTAKES[lines]) == sorted(line.split(" ", 1)[1] for line in told)
    assert all(line.startswith("playbooks/budget.yaml:") for line in told)


def test_several_actions_without_an_order(tmp_path: Path) -> None:
    """Which of two actions is better would be guessed."""
    found = findings(write(tmp_path, with_lines("improves: [deal_size]\n", two=True)), Severity.ERROR)
    assert 1 == len(found)
    assert "playbook `budget` has several actions, and no `order` says which of them is better" in found[0]
    assert "(write for example `order: [hold, cut, raise]`)" in found[0]
