"""Strict reading of what the platforms tell: exact whole fen, times with a zone, clean texts."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kit.clock import SHANGHAI
from kit.money import MOST_FEN, Fen, from_yuan

LONGEST_TEXT: Final = 128
NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
OUR_NUMBER: Final = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)
LOCAL_TIME: Final = "%Y-%m-%d %H:%M:%S"


class Unreadable(ValueError):
    """A field is missing or has another form; the message names the field, not its value."""


def text_of(source: Mapping[str, Any], name: str) -> str:
    """Return a text of 1 to 128 characters."""
    value = source.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or "\x00" in value:
        raise Unreadable(name)
    return value


def optional_text_of(source: Mapping[str, Any], name: str) -> str | None:
    """Return the same, or None when it is absent or empty."""
    return text_of(source, name) if source.get(name) else None


def number_of(source: Mapping[str, Any], name: str) -> str:
    """Return a number of a trade or a refund, ours or the platform's."""
    value = text_of(source, name)
    if not NUMBER.fullmatch(value):
        raise Unreadable(name)
    return value


def object_of(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object."""
    value = source.get(name)
    if not isinstance(value, dict):
        raise Unreadable(name)
    return value


def fen_of(source: Mapping[str, Any], name: str) -> Fen:
    """Return a positive amount that is a JSON integer: not 10.0, not "10", not true."""
    value = source.get(name)
    if type(value) is not int or not 0 < value <= MOST_FEN:
        raise Unreadable(name)
    return Fen(value)


def yuan_of(source: Mapping[str, Any], name: str) -> Fen:
    """Return a positive amount that is yuan text with at most two decimals, as fen."""
    value = source.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Unreadable(name)
    try:
        fen = from_yuan(value)
    except ValueError:
        raise Unreadable(name) from None
    if not 0 < fen <= MOST_FEN:
        raise Unreadable(name)
    return fen


def rfc3339_of(source: Mapping[str, Any], name: str) -> datetime | None:
    """Return a moment written with its offset, in UTC; None when absent."""
    text = optional_text_of(source, name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise Unreadable(name)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(name) from None


def beijing_of(source: Mapping[str, Any], name: str) -> datetime | None:
    """Return a moment written as Beijing time without saying so, in UTC; None when absent."""
    text = optional_text_of(source, name)
    return None if text is None else from_beijing(text, name)


def from_beijing(text: str, name: str) -> datetime:
    """Read "2026-06-18 20:00:00" (a fraction is dropped) as Beijing time, in UTC."""
    try:
        local = datetime.strptime(text.partition(".")[0], LOCAL_TIME)  # noqa: DTZ007 - zone follows
        return local.replace(tzinfo=SHANGHAI).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(name) from None


def clean(text: str, *, most_bytes: int, without: str = "") -> str:
    """Return a one-line text that fits in UTF-8, without control and the named characters."""
    kept = "".join(
        " " if character in without or unicodedata.category(character)[0] in "CZ" else character
        for character in text
    )
    shortened = " ".join(kept.split()).encode()[:most_bytes].decode(errors="ignore").strip()
    return shortened or "-"
