"""Markdown → a plain static site: `python docs/build.py` checks the documents and writes them to `build/docs`.

Needs `markdown-it-py`. The pages are README.md and docs/**/*.md; docs/index.md leads to all of them.
"""

from __future__ import annotations

import html
import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["build", "problems", "slug"]

DRAWERS: Final = {"tutorial": "Tutorial", "how-to": "How to", "reference": "Reference", "explanation": "Explanation"}

_STYLE: Final = """
body { display: flex; flex-wrap: wrap; gap: 2.5rem; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1c1c; }
body { font: 1rem/1.55 system-ui, sans-serif; }
nav { flex: 0 0 14rem; font-size: .9rem; } nav ul { list-style: none; margin: 0 0 1rem; padding: 0; } nav b { color: #666; }
main { flex: 1 1 34rem; min-width: 0; } a { color: #0b57a4; } h1 { margin-top: 0; }
pre { overflow-x: auto; padding: .8rem 1rem; background: #f5f5f3; border-radius: .3rem; } code { font-size: .9em; }
table { display: block; overflow-x: auto; border-collapse: collapse; }
th, td { padding: .3rem .7rem; border: 1px solid #ddd; text-align: left; vertical-align: top; }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style></head>
<body>
<nav>{nav}</nav>
<main>
{body}</main>
</body>
</html>
"""
_DIRECTIVE: Final = re.compile(r"  # doctest:.*$", re.MULTILINE)
_PARSER: Final = MarkdownIt("commonmark").enable("table")


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it.

    >>> slug("Keys of `metrics`: the contract")
    'keys-of-metrics-the-contract'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _pages(root: Path) -> tuple[Path, ...]:
    return (root / "README.md", *sorted((root / "docs").rglob("*.md")))


def _target(root: Path, page: Path) -> Path:
    """Where a page or a file goes in the site, relative to it."""
    if page == root / "README.md":
        return Path("readme.html")
    if page.is_relative_to(root / "docs"):
        page = page.relative_to(root / "docs")
        return page.with_suffix(".html") if page.suffix == ".md" else page
    return Path("files") / page.relative_to(root)


def _tokens(page: Path) -> list[Token]:
    return _PARSER.parse(page.read_text(encoding="utf-8"))


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "link_open" and not urlsplit(str(token.attrs["href"])).scheme:
            yield token
        yield from _links(token.children or [])


def _headings(tokens: list[Token]) -> Iterator[tuple[Token, str]]:
    """Each heading's token, and its text."""
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            yield opening, "".join(part.content for part in inline.children or [])


def _goal(page: Path, href: str) -> tuple[Path, str]:
    """The file and the anchor that a link on a page means."""
    parts = urlsplit(href)
    path = page if not parts.path else Path(os.path.normpath(page.parent / unquote(parts.path)))
    return path, parts.fragment


def problems(root: Path) -> list[str]:
    """Links that lead to no file or no heading, pages the index does not lead to, and pages outside the four drawers."""
    found = []
    pages = _pages(root)
    parsed = {page: _tokens(page) for page in pages}
    for page, tokens in parsed.items():
        for link in _links(tokens):
            href = str(link.attrs["href"])
            path, anchor = _goal(page, href)
            if not path.exists():
                found.append(f"{page.relative_to(root)}: `{href}`: no such file")
            elif anchor and anchor not in {slug(text) for _, text in _headings(parsed.get(path, []))}:
                found.append(f"{page.relative_to(root)}: `{href}`: no such heading")
    index = root / "docs" / "index.md"
    listed = {_goal(index, str(link.attrs["href"]))[0] for link in _links(parsed.get(index, []))}
    for page in pages[1:]:
        name = page.relative_to(root)
        if page != index and page not in listed:
            found.append(f"{name}: docs/index.md does not lead here")
        if page != index and (len(name.parts) != 3 or name.parts[1] not in DRAWERS):
            found.append(f"{name}: stands in none of the drawers {', '.join(DRAWERS)}")
    return found


def _title(tokens: list[Token]) -> str:
    return next((text for _, text in _headings(tokens)), "")


def _nav(root: Path, page: Path, titles: dict[Path, str]) -> str:
    def item(other: Path) -> str:
        return f'<li><a href="{_relative(root, page, other)}">{html.escape(titles[other])}</a></li>'

    parts = [f"<ul>{item(root / 'docs' / 'index.md')}{item(root / 'README.md')}</ul>"]
    for drawer, label in DRAWERS.items():
        inside = [item(other) for other in titles if other.parent == root / "docs" / drawer]
        parts.append(f"<b>{label}</b><ul>{''.join(inside)}</ul>")
    return "\n".join(parts)


def _relative(root: Path, page: Path, other: Path) -> str:
    return Path(os.path.relpath(_target(root, other), _target(root, page).parent)).as_posix()


def build(root: Path, out: Path) -> list[Path]:
    """Write the site into a folder: every page as HTML, and beside them the files they link to. What was written."""
    written = []
    pages = {page: _tokens(page) for page in _pages(root)}
    titles = {page: _title(tokens) for page, tokens in pages.items()}
    for page, tokens in pages.items():
        for opening, text in _headings(tokens):
            opening.attrSet("id", slug(text))
        for link in _links(tokens):
            goal, anchor = _goal(page, str(link.attrs["href"]))
            if goal.is_file() and goal not in pages:
                copy = out / _target(root, goal)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(goal.read_bytes())
                written.append(copy)
            if goal.is_file():
                link.attrSet("href", _relative(root, page, goal) + (f"#{anchor}" if anchor else ""))
        kept = [token for token in tokens if token.type != "html_block"]  # comments for the tests
        for token in kept:
            if token.type == "fence":
                token.content = _DIRECTIVE.sub("", token.content).rstrip("\n") + "\n"
        body = _PARSER.renderer.render(kept, _PARSER.options, {})
        path = out / _target(root, page)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_PAGE.format(title=html.escape(titles[page]), style=_STYLE, nav=_nav(root, page, titles), body=body), encoding="utf-8")
        written.append(path)
    return written


def main() -> int:
    """Check, then build; 1 where something is wrong."""
    root = Path(__file__).resolve().parent.parent
    found = problems(root)
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not found:
        out = root / "build" / "docs"
        written = build(root, out)
        sys.stdout.write(f"{len(written)} files: {(out / 'index.html').relative_to(root)}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
