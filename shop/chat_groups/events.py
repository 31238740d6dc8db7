"""What chat groups tell."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class ChatGroupAdded(Event):
    """A leader's chat group was written down; from now on pushes may go into it."""

    name: ClassVar[str] = "chat_groups.added"

    chat_group_id: str
    leader_id: str
