"""What members hear of flash sales: a unit is set aside for them, a sale opens soon."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shop.campaigns.models import Campaign
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told


def tell_offered(
    session: Session,
    campaign_id: UUID,
    *,
    member_id: UUID,
    cause: str,
    until: datetime,
    now: datetime,
) -> None:
    """Tell a member of an offer; once it is over no platform is troubled with it."""
    told = Told(
        kind=NoticeKind.UNIT_OFFERED,
        cause=cause,
        page=f"pages/campaign/campaign?id={campaign_id}",
        campaign=session.get_one(Campaign, campaign_id).name,
        at=until,
        expires_at=until,
    )
    telling.tell(session, told, [member_id], now=now)


def tell_opening(
    session: Session, campaign_id: UUID, member_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Tell members who asked that the campaign opens soon."""
    campaign = session.get_one(Campaign, campaign_id)
    told = Told(
        kind=NoticeKind.OPENING_SOON,
        cause=f"opening:{campaign_id}",
        page=f"pages/campaign/campaign?id={campaign_id}",
        campaign=campaign.name,
        at=campaign.starts_at,
        expires_at=campaign.ends_at,
    )
    telling.tell(session, told, member_ids, now=now)
