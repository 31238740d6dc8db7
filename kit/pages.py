"""Cursor pages: newest first by id, the cursor an opaque form of the last id seen."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kit.errors import Malformed

Row = TypeVar("Row")

LONGEST_PAGE: Final = 100


class BadCursor(Malformed):
    """The cursor is not one we gave."""

    code = "bad_cursor"
    title = "The cursor is not one of ours"
    message = "翻页参数无效"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of rows, and the cursor of the next or None."""

    items: Sequence[Row]
    next_cursor: str | None


def encode_cursor(last: UUID) -> str:
    """Return the cursor that continues after `last`."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def decode_cursor(cursor: str) -> UUID:
    """Return the id in a cursor; raises `BadCursor`."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (ValueError, binascii.Error) as exc:
        raise BadCursor from exc


def read_page(
    session: Session,
    query: Select[Any],
    key: InstrumentedAttribute[UUID],
    *,
    cursor: str | None,
    limit: int,
) -> Page[Any]:
    """Return the page of `query` after `cursor`, newest first by `key`, a UUIDv7 column."""
    wanted = max(1, min(limit, LONGEST_PAGE))
    if cursor:
        query = query.where(key < decode_cursor(cursor))
    rows = session.scalars(query.order_by(key.desc()).limit(wanted + 1)).all()
    items = rows[:wanted]
    more = len(rows) > wanted
    return Page(items, encode_cursor(getattr(items[-1], key.key)) if more else None)
