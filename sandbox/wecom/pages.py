"""Pages of WeCom's lists: a cursor that means something to the platform only."""

import base64
from collections.abc import Sequence
from typing import TypeVar

from sandbox.wecom.answers import WecomError

Item = TypeVar("Item")


def page_of(items: Sequence[Item], *, limit: int, cursor: str) -> tuple[list[Item], str]:
    """The part of the list behind the cursor, and the next cursor; empty after the last part."""
    start = _opened(cursor) if cursor else 0
    part = list(items[start : start + limit])
    end = start + len(part)
    return part, _sealed(end) if end < len(items) else ""


def _sealed(start: int) -> str:
    return base64.urlsafe_b64encode(f"cursor:{start}".encode()).decode()


def _opened(cursor: str) -> int:
    try:
        word, _, start = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except ValueError:
        raise WecomError(40058, "cursor is invalid") from None
    if word != "cursor" or not start.isdecimal():
        raise WecomError(40058, "cursor is invalid")
    return int(start)
