"""Field rules of WeCom's bodies: what may be there, what must, how many bytes it may have."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sandbox.wecom.answers import WecomError

Rule = Callable[[str, Any], None]
Body = dict[str, Any]


def check(
    content: Any, rules: Mapping[str, Rule], required: Collection[str] = (), *, inside: str = ""
) -> Body:
    """The object, every field known, every required one there, every value in its form."""
    if not isinstance(content, dict):
        raise WecomError(40058, f"{inside or 'body'} is not an object")
    before = f"{inside}." if inside else ""
    for name, value in content.items():
        if name not in rules:
            raise WecomError(40058, f"{before}{name} is unknown")
        rules[name](before + name, value)
    for name in sorted(required):
        if not content.get(name):
            raise WecomError(40058, f"{before}{name} missing")
    return content


def text(longest: int) -> Rule:
    """A text of at most so many bytes of UTF-8."""

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise WecomError(40058, f"{name} is not a string")
        if len(value.encode("utf-8", "surrogatepass")) > longest:
            raise WecomError(40058, f"{name} exceed max length {longest}")

    return rule


def one_of(*values: str) -> Rule:
    """One of the listed texts."""

    def rule(name: str, value: Any) -> None:
        if value not in values:
            raise WecomError(40058, f"{name} is not one of {', '.join(values)}")

    return rule


def texts(most: int, longest: int) -> Rule:
    """A list of at most so many texts."""
    item = text(longest)

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, list):
            raise WecomError(40058, f"{name} is not a list")
        if len(value) > most:
            raise WecomError(40058, f"{name} exceed max size {most}")
        for one in value:
            item(name, one)

    return rule


def number(least: int, most: int) -> Rule:
    """An integer from `least` to `most`."""

    def rule(name: str, value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise WecomError(40058, f"{name} is not within {least} and {most}")

    return rule


def boolean(name: str, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise WecomError(40058, f"{name} is not a boolean")


def anything(name: str, value: Any) -> None:
    """Looked at elsewhere."""
