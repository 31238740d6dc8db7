"""The exact text of a JSON object's members, for signatures that cover a part of an answer."""

import json
from typing import Final

_SPACE: Final = " \t\r\n"
_DECODER: Final = json.JSONDecoder()


def member_texts(text: str) -> dict[str, str]:
    """Return name → the value exactly as written, for the members of the outermost object.

    Braces and quotes inside strings do not matter, for each value is read by the JSON decoder.
    Raises `ValueError` for anything but one whole object, and for a name that comes twice: of two
    values a verifier and a reader might each take another one.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("not a JSON object")
    members: dict[str, str] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if members:
            at = _skip(text, _expect(text, at, ","))
        at = _member(text, at, members)
    if _skip(text, at + 1) != len(text):
        raise ValueError("something follows the object")
    return members


def _member(text: str, at: int, members: dict[str, str]) -> int:
    _expect(text, at, '"')
    name, at = _DECODER.raw_decode(text, at)
    at = _skip(text, _expect(text, _skip(text, at), ":"))
    try:
        _, end = _DECODER.raw_decode(text, at)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if name in members:
        raise ValueError("a name comes twice")
    members[name] = text[at:end]
    return _skip(text, end)


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark}")
    return at + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
