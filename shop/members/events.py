"""What the members room tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class MembersJoined(Event):
    """One member became part of another; whatever they own belongs to `into_id` now."""

    name: ClassVar[str] = "members.joined"

    from_id: str
    into_id: str


@dataclass(frozen=True)
class AccountClosed(Event):
    """A member deleted their account; nothing of the person is left in this room."""

    name: ClassVar[str] = "members.account_closed"

    member_id: str
