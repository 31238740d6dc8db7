"""What orders do about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shop.members.events import MembersJoined
from shop.orders import service


def reassign_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's orders and cards to the member they became part of."""
    service.reassign(
        session, from_member_id=UUID(event.from_id), into_member_id=UUID(event.into_id)
    )
