"""What every schema shares: strict forms, money, moments, pages and reads."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt

Fen = Annotated[StrictInt, Field(description="An amount in fen (CNY 0.01).", examples=[1990])]


Moment = Annotated[datetime, Field(description="ISO 8601, UTC.")]


class Sent(BaseModel):
    """Something a client sends: unknown fields are refused, numbers are not guessed from text."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Given(BaseModel):
    """Something we answer: the listed fields and nothing else, whatever the row holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Read(Given):
    """A read that may be repeated: when it was true, and when to ask again (null: no need)."""

    server_time: Moment
    poll_after_ms: int | None = Field(
        description="Ask again after so many milliseconds; null when nothing is expected."
    )


class PageQuery(Sent):
    """Which part of a list."""

    cursor: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    limit: int = Field(default=20, ge=1, le=100)


class PageRead(Read):
    """A page of a list."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page.")
