"""The source files of the house, parsed, and what a house rule is."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# The house itself; beside it stand programs that talk to it over the wire, the tests, the tools.
HOUSE: Final = (
    "app",
    "miniprogram_api",
    "console",
    "public_site",
    "flash_sale",
    "group_buy",
    "shop",
    "kit",
    "config",
    "wsgi.py",
)
BESIDE: Final = ("sandbox", "demo", "benchmarks", "tools", "tests")


@dataclass(frozen=True)
class Source:
    """One file: its path from the root and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the parsed file."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Return every node of it."""
        return list(ast.walk(self.tree))

    @property
    def name(self) -> str:
        """Return the file's name without its folders."""
        return self.path.rpartition("/")[2]

    def is_in(self, *places: str) -> bool:
        """Tell whether the file is one of the places or lies in one of the folders."""
        return any(self.path == place or self.path.startswith(f"{place}/") for place in places)


# What a rule finds: the line, and a word on what stands there.
Finding = tuple[int, str]
Check = Callable[[Source], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule of the house: what it forbids, why, where it holds, and proofs that it sees."""

    name: str
    why: str
    check: Check
    places: tuple[str, ...] = HOUSE
    # Files that may break it, each with the reason.
    exceptions: dict[str, str] = field(default_factory=dict)
    planted: tuple[str, ...] = ()  # each must be found
    harmless: tuple[str, ...] = ()  # none may be found
    planted_at: str = "shop/orders/service.py"

    def found_in(self, source: Source) -> list[str]:
        """Return every breach in a file, as "path:line what"."""
        if not source.is_in(*self.places) or source.path in self.exceptions:
            return []
        return [f"{source.path}:{line} {what}" for line, what in self.check(source)]

    def sees(self, text: str) -> bool:
        """Tell whether the rule finds something in a planted text."""
        return bool(self.found_in(Source(self.planted_at, text)))


@cache
def every_source() -> tuple[Source, ...]:
    """Return the files of the house and beside it; migrations are written once and stay."""
    found: list[Source] = []
    for place in (*HOUSE, *BESIDE):
        start = ROOT / place
        files = [start] if start.is_file() else sorted(start.rglob("*.py"))
        for file in files:
            path = file.relative_to(ROOT).as_posix()
            found.append(Source(path, file.read_text(encoding="utf-8")))
    return tuple(found)


def dotted(node: ast.AST) -> str:
    """Return "a.b.c" for such an expression, or "" for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def last_name(node: ast.AST) -> str:
    """Return the last name of an expression: of `a`, `b.a`, `b()["a"]` it is "a"."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Return each call with the dotted name of what is called, "" before a dot that has none."""
    for node in source.nodes:
        if isinstance(node, ast.Call):
            yield node, dotted(node.func) or f".{last_name(node.func)}"


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Return each imported module, and each imported name with its module before it."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
