"""What an address asks for, read forgivingly: what makes no sense is as if absent."""

from datetime import date
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from kit.errors import Malformed

MOST_WORDS: Final = 80
MOST_REASON: Final = 200
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2100

_Kind = TypeVar("_Kind", bound=StrEnum)


class NoReason(Malformed):
    """Whoever decides says why; somebody reads it."""

    code = "no_reason_given"
    title = "Say why"
    message = "请填写原因"


def choice_of(kind: type[_Kind], name: str) -> _Kind | None:
    """Return the member that the query names, or None."""
    given = request.args.get(name, "")
    return kind(given) if given in set(kind) else None


def words_of(name: str) -> str:
    """Return a text, as long as one that is looked for."""
    return request.args.get(name, "").strip()[:MOST_WORDS]


def id_of(name: str) -> UUID | None:
    """Return an id, or None."""
    return as_id(request.args.get(name, ""))


def as_id(text: str) -> UUID | None:
    """Return the id that a text is, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def split(place: str) -> SplitResult:
    """Return the parts of an address; what is none has none."""
    try:
        return urlsplit(place)
    except ValueError:
        return urlsplit("")


def reason() -> str:
    """Return why somebody does what the form asks for, or raise `NoReason`."""
    why = request.form.get("why", "").strip()[:MOST_REASON]
    if not why:
        raise NoReason
    return why


def refuse_nul(texts: MultiDict[str, str]) -> None:
    """Raise `BadRequest` where a name or a value holds NUL, which no database keeps."""
    if any("\x00" in name or "\x00" in value for name, value in texts.items(multi=True)):
        raise BadRequest


def cursor() -> str | None:
    """Return where the list goes on, or None for its beginning."""
    return request.args.get("cursor") or None


def day_of(name: str) -> date | None:
    """Return a day that there may have been, or None."""
    try:
        day = date.fromisoformat(request.args.get(name, "").strip())
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
