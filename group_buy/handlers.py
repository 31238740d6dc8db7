"""What group-buy does about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import leaving, owners, service, taking, telling
from group_buy.events import GroupFailed, GroupFormed, GroupNudged, SeatMoved
from shop.campaigns import queries as campaigns
from shop.campaigns.events import CampaignCopiedForSlot
from shop.campaigns.models import CampaignKind
from shop.members.events import MembersJoined
from shop.orders.events import OrderClosed, OrderPaid


def take_seat_when_paid(event: OrderPaid, *, session: Session, now: datetime) -> None:
    """Make the seat paid that the order was placed for; the last one forms the group."""
    taking.take_paid_seat(session, UUID(event.order_id), now=now)


def free_seat_when_closed(event: OrderClosed, *, session: Session, now: datetime) -> None:
    """Free the seat whose order closed unpaid."""
    leaving.let_seat_lapse(session, UUID(event.order_id), now=now)


def reassign_seats_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's seats to the member they became part of."""
    owners.reassign(session, from_member_id=UUID(event.from_id), into_member_id=UUID(event.into_id))


def tell_members_when_formed(event: GroupFormed, *, session: Session, now: datetime) -> None:
    """Tell the members of the group, and the chat groups if it is the campaign's first."""
    telling.tell_formed(session, UUID(event.group_id), UUID(event.campaign_id), now=now)


def tell_members_when_failed(event: GroupFailed, *, session: Session, now: datetime) -> None:
    """Tell the members of the group, and the chat groups if it is the campaign's first."""
    telling.tell_failed(session, UUID(event.group_id), UUID(event.campaign_id), now=now)


def tell_members_when_nudged(event: GroupNudged, *, session: Session, now: datetime) -> None:
    """Tell who may fill the last seats."""
    telling.tell_nudged(session, UUID(event.group_id), now=now)


def tell_member_when_moved(event: SeatMoved, *, session: Session, now: datetime) -> None:
    """Tell a late payer in which group their seat is now."""
    telling.tell_moved(
        session,
        UUID(event.order_id),
        UUID(event.member_id),
        UUID(event.to_group_id),
        now=now,
    )


def publish_when_copied(event: CampaignCopiedForSlot, *, session: Session, now: datetime) -> None:
    """Give a slot's new draft its terms and publish it, as the slot's maker decided."""
    if event.kind != CampaignKind.GROUP_BUY.value:
        return
    campaign = campaigns.lock_campaign(session, UUID(event.campaign_id))
    source = campaigns.lock_campaign(session, UUID(event.source_id))
    service.copy_terms(session, from_id=source.id, into_id=campaign.id)
    service.schedule_group_buy(
        session,
        campaign,
        fee_basis_points=event.fee_basis_points,
        actor=campaign.created_by,
        approved_by=source.approved_by,
        now=now,
    )
