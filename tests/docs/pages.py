"""The written pages: their text, their code, their links and their names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TOP: Final = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md")

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Page:
    """One page: its path from the root and its text."""

    path: str
    text: str

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Return the fenced blocks: language and content."""
        return _FENCE.findall(self.text)

    @property
    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """Return what stands between backticks in the prose, each on one line."""
        return [" ".join(span.split()) for span in _SPAN.findall(self.prose)]

    @property
    def commands(self) -> list[str]:
        """Return everything that could be typed: the spans and the lines of shell blocks."""
        lines = [line for kind, block in self.blocks if kind == "sh" for line in block.split("\n")]
        return self.spans + lines

    @property
    def links(self) -> list[str]:
        """Return the targets of its links."""
        return _LINK.findall(self.prose)

    def headings(self, level: int) -> list[str]:
        """Return the headings of a level."""
        return re.findall(rf"^{'#' * level} (.+)$", self.prose, re.MULTILINE)

    def section(self, heading: str) -> str:
        """Return what stands under a heading of the second level."""
        return self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].strip()


@cache
def every_page() -> tuple[Page, ...]:
    """Return every page that is kept true."""
    files = [ROOT / name for name in TOP] + sorted((ROOT / "docs").rglob("*.md"))
    return tuple(page(file.relative_to(ROOT).as_posix()) for file in files)


def page(path: str) -> Page:
    """Return one page."""
    return Page(path, (ROOT / path).read_text(encoding="utf-8"))


def decisions() -> list[Page]:
    """Return the pages of decisions, by number."""
    return [found for found in every_page() if found.path.startswith("docs/adr/")]


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    found = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in found)
    return {heading.replace(" ", "-") for heading in plain}


def said() -> Iterator[tuple[str, str]]:
    """Return every command or name with the page that says it."""
    for found in every_page():
        for command in found.commands:
            yield found.path, command
