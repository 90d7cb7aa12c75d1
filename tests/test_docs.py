"""The documents tell the truth: their commands do what they show, and their links lead somewhere.

Python examples are doctests, which pytest runs by itself. Here each page's commands (`console` blocks) and edits (`diff` blocks) are done
in the order they stand in, in a folder of their own.
"""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from decision_os.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```(console|diff|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: Path, *kinds: str) -> list[tuple[str, str]]:
    """The fenced blocks of those kinds, in order."""
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind in kinds]


def shown(console: str) -> list[tuple[str, str]]:
    """Each command of a console block, and what stands below it."""
    pieces = COMMAND.split(console)
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def do(command: str, expected: str) -> None:
    """Run one command, as a shell would; `# exits 1` after it says how it ends."""
    typed, _, note = command.partition("  # exits ")
    words = shlex.split(typed)
    assert words[0] == "decision-os", f"`{command}`: only `decision-os` is run here"
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, words[1:], prog_name="decision-os")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert int(note or 0) == result.exit_code, result.output
    if expected.strip():
        same = doctest.OutputChecker().check_output(expected, result.output, FLAGS)
        assert same, f"`{typed}` prints\n{result.output}\nand the page shows\n{expected}"


def edit(diff: str) -> None:
    """Apply a `diff` block: the file it names, and lines to take out and put in, each run of them found exactly once."""
    head, *lines = diff.splitlines()
    path = Path(head.removeprefix("--- "))
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in "- ")
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in "+ ")
    if old:
        assert text.count(old) == 1, f"{path} does not hold these lines once:\n{old}"
    path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_do_what_the_page_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who types what a page says would see something else."""
    monkeypatch.chdir(tmp_path)
    for kind, text in blocks(page, "console", "diff"):
        if kind == "diff":
            edit(text)
        else:
            for command, expected in shown(text):
                do(command, expected)


def test_rules_quoted_in_the_readme_stand_in_the_rule_book() -> None:
    """The README would quote a rule that is not the one that decided."""
    playbook = (ROOT / "rules" / "playbooks" / "channel.invest.yaml").read_text(encoding="utf-8")
    (quoted,) = (text for _, text in blocks(ROOT / "README.md", "yaml"))
    assert quoted in playbook


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_lead_somewhere(site: ModuleType) -> None:
    """A link would lead to no file or to no heading, or a page could not be reached from the index."""
    assert [] == site.problems(ROOT)


def test_problems_are_found(site: ModuleType, tmp_path: Path) -> None:
    """The check of links would pass whatever the documents say."""
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Read me\n\n[there](docs/index.md#nowhere)\n", encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text("# Index\n\n[gone](how-to/gone.md)\n", encoding="utf-8")
    (tmp_path / "docs" / "how-to" / "lost.md").write_text("# Lost\n\n```\n[not a link](x.md)\n```\n", encoding="utf-8")
    assert [
        "README.md: `docs/index.md#nowhere`: no such heading",
        "docs/index.md: `how-to/gone.md`: no such file",
        "docs/how-to/lost.md: docs/index.md does not lead here",
    ] == site.problems(tmp_path)


def test_the_site_is_built(site: ModuleType, tmp_path: Path) -> None:
    """`make docs` would leave no site, or one whose links lead to Markdown."""
    made = site.build(ROOT, tmp_path)
    assert len(PAGES) == len([path for path in made if path.suffix == ".html"])
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="how-to/use-in-ci.html"' in index
    readme = (tmp_path / "readme.html").read_text(encoding="utf-8")
    assert 'href="tutorial/first-decision.html"' in readme
    assert "doctest:" not in readme
    assert "getfixture" not in readme
