"""Every class that templates and scripts name has a rule in the CSS that is shipped.

Tabler's file is made without what no page uses; a class that is used later, or one that Tabler
never had, would do nothing, and nobody would be told.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from console.labels.tones import TONES
from console.words import tone

CONSOLE: Final = Path(__file__).resolve().parents[2] / "console"
TEMPLATES: Final = CONSOLE / "templates"
STATIC: Final = CONSOLE / "static"
SHEETS: Final = ("tabler.css", "console.css")
SCRIPTS: Final = tuple(
    path for path in sorted(STATIC.glob("*.js")) if path.name not in {"htmx.js", "echarts.js"}
)
# Classes without a rule, and what they are for.
HOOKS: Final[dict[str, str]] = {}
# What an expression of a template may come to, where that cannot be read off it.
VALUES: Final = {
    "tone(code)": {*TONES.values(), tone("no such status")},
    "tone(status)": {*TONES.values(), tone("no such status")},
    "hour": {str(hour) for hour in range(24)},
    "bar.from_hour": {str(hour) for hour in range(24)},
    "bar.hours": {str(hours) for hours in range(1, 25)},
    "colour": {"red", "orange"},  # of tiles of the Today board; without one there is no class
    "tone": {"btn-success", "btn-warning", "btn-danger"},  # of what is done to a chat group
}

RULE: Final = re.compile(r"\.(-?[A-Za-z_](?:\\.|[\w-])*)")
ATTRIBUTE: Final = re.compile(r'\bclass="((?:[^"{]|\{(?![{%])|\{\{.*?\}\}|\{%.*?%\})*)"', re.DOTALL)
STATEMENT: Final = re.compile(r"\{%.*?%\}", re.DOTALL)
WORD: Final = re.compile(r"(?:[^\s{]|\{\{.*?\}\})+", re.DOTALL)
EXPRESSION: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
CHOICE: Final = re.compile(r'^"([^"]*)" if .+? else (?:"([^"]*)"|(\S+))$', re.DOTALL)
BY_KEY: Final = re.compile(r'"[^"]*": "([^"]*)"')
IN_SCRIPT: Final = (
    re.compile(r'className\s*=\s*"([^"]*)"'),
    re.compile(r'classList\.(?:add|remove|toggle)\("([^"]*)"'),
    re.compile(r'\bclass=\\?["\']([^"\'\\]*)'),
)


def ruled() -> set[str]:
    """Return the classes that the shipped sheets have a rule for."""
    texts = (re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text()) for name in SHEETS)
    return {re.sub(r"\\(.)", r"\1", name) for text in texts for name in RULE.findall(text)}


def outcomes(expression: str) -> set[str]:
    """Return every text that an expression may come to."""
    if expression in VALUES:
        return VALUES[expression]
    if choice := CHOICE.match(expression):
        told, otherwise, further = choice.groups()
        return {told} | (outcomes(further) if further else {otherwise})
    found = set(BY_KEY.findall(expression))
    assert found, f"say in VALUES what {expression} may come to"
    return found


def spelt(word: str) -> set[str]:
    """Return every class that a word of an attribute may be."""
    found = EXPRESSION.search(word)
    if found is None:
        return {word}
    ways = outcomes(found[1])
    return {
        one for way in ways for one in spelt(f"{word[: found.start()]}{way}{word[found.end() :]}")
    }


def named_in(attribute: str) -> Iterator[str]:
    """Yield the classes that an attribute of a template names."""
    for word in WORD.findall(STATEMENT.sub(" ", attribute)):
        for one in spelt(word):
            yield from one.split()


def lacking(classes: Iterable[str]) -> list[str]:
    """Return those without a rule."""
    return sorted(set(classes) - ruled() - HOOKS.keys())


def test_classes_of_templates_are_shipped() -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        named = {
            name
            for attribute in ATTRIBUTE.findall(path.read_text())
            for name in named_in(attribute)
        }
        assert lacking(named) == [], path.name


def test_classes_of_scripts_are_shipped() -> None:
    for path in SCRIPTS:
        text = path.read_text()
        named = {name for form in IN_SCRIPT for one in form.findall(text) for name in one.split()}
        assert lacking(named) == [], path.name


def test_every_class_is_seen() -> None:
    """The test reads each attribute that there is, whatever stands in it."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = path.read_text()
        assert text.count('class="') == len(ATTRIBUTE.findall(text)), path.name
    attribute = 'a {{ "b" if x else "c" }}{% if y %} d{% endif %} bg-{{ tone(code) }}-lt'
    assert {"a", "b", "c", "d", "bg-green-lt", "bg-red-lt"} <= set(named_in(attribute))
    assert lacking(["badge", "no-such-class"]) == ["no-such-class"]
