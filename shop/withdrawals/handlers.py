"""What withdrawals do about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shop.members.events import MembersJoined
from shop.withdrawals import service


def reassign_withdrawals_when_joined(
    event: MembersJoined, *, session: Session, now: datetime
) -> None:
    """Give the joined member's withdrawals to the member they became part of."""
    service.reassign(session, gone_id=UUID(event.from_id), kept_id=UUID(event.into_id))
