"""What a user finds in the project, and in the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

import decision_os as dos

ROOT = Path(__file__).parent.parent


def test_every_dependency_has_its_reason_written_down() -> None:
    """A dependency would land in somebody's job without anybody having said why."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = (ROOT / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8").casefold()
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    names = {item.split(";")[0].split(">")[0].split("[")[0].strip().casefold() for item in [*project["dependencies"], *extras]} - {"decision-os"}
    assert [] == sorted(name for name in names if f"`{name}`" not in reasons and not name.startswith("types-"))


def test_the_rule_book_travels_in_the_wheel() -> None:
    """An installed package would have no rule book to start from."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"rules": "decision_os/_reference_rules"} == build["force-include"]
    assert (dos.reference_rules() / "cases.yaml").is_file()
    assert (ROOT / "decision_os" / "py.typed").is_file()
