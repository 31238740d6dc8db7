"""What chat groups do about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shop.chat_groups import service
from shop.members.events import MembersJoined


def reassign_chat_groups_when_joined(
    event: MembersJoined, *, session: Session, now: datetime
) -> None:
    """Give the joined member's chat groups to the member they became part of."""
    service.reassign(session, gone_id=UUID(event.from_id), kept_id=UUID(event.into_id))
