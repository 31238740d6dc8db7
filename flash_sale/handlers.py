"""What the flash sale does about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from flash_sale import claims, lottery, queries, service, telling, waiting
from flash_sale.events import OfferMade, OpeningReminded
from flash_sale.models import SaleMode
from shop.campaigns import queries as campaigns
from shop.campaigns.events import (
    CampaignCancelled,
    CampaignCopiedForSlot,
    CampaignEnded,
    CampaignSettled,
)
from shop.campaigns.models import CampaignKind
from shop.members.events import MembersJoined
from shop.orders.events import OrderClosed, OrderPaid, OrderRefunded


def pay_claim_when_paid(event: OrderPaid, *, session: Session, now: datetime) -> None:
    """Make the units of the order paid."""
    claims.pay(session, UUID(event.order_id), now=now)


def lapse_claim_when_closed(event: OrderClosed, *, session: Session, now: datetime) -> None:
    """Free the member's places, and offer the units to those who wait."""
    claims.lapse(session, UUID(event.order_id), now=now)


def return_claim_when_refunded(event: OrderRefunded, *, session: Session, now: datetime) -> None:
    """Note that the money of the whole order went back."""
    if event.is_whole:
        claims.give_back(session, UUID(event.order_id), now=now)


def reassign_claims_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's claims and places to the member they became part of."""
    claims.reassign(
        session, from_member_id=UUID(event.from_id), into_member_id=UUID(event.into_id), now=now
    )


def draw_or_close_when_ended(event: CampaignEnded, *, session: Session, now: datetime) -> None:
    """Draw a lottery; of any other sale, tell those who wait that it is over."""
    if event.kind != CampaignKind.FLASH_SALE.value:
        return
    campaign_id = UUID(event.campaign_id)
    if queries.get_terms(session, campaign_id).mode is SaleMode.LOTTERY:
        lottery.hold_draw(session, campaign_id, now=now)
    else:
        waiting.close_queue(session, campaign_id, now=now)


def close_queue_when_cancelled(
    event: CampaignCancelled, *, session: Session, now: datetime
) -> None:
    """Tell those who wait that it is over: by the clock it may have been open before it was turned.

    Claims that were made till then stand, and go the way of their orders.
    """
    if event.kind == CampaignKind.FLASH_SALE.value:
        waiting.close_queue(session, UUID(event.campaign_id), now=now)


def close_queue_when_settled(event: CampaignSettled, *, session: Session, now: datetime) -> None:
    """Tell those whom the draw left without a unit that none comes any more."""
    if event.kind == CampaignKind.FLASH_SALE.value:
        waiting.close_queue(session, UUID(event.campaign_id), now=now)


def tell_member_when_offered(event: OfferMade, *, session: Session, now: datetime) -> None:
    """Tell the member that a unit is set aside for them, and until when."""
    telling.tell_offered(
        session,
        UUID(event.campaign_id),
        member_id=UUID(event.member_id),
        cause=f"offer:{event.wait_id}:{event.until}",
        until=datetime.fromisoformat(event.until),
        now=now,
    )


def tell_members_when_reminded(event: OpeningReminded, *, session: Session, now: datetime) -> None:
    """Tell those who asked that the campaign opens in a few minutes."""
    member_ids = [UUID(member_id) for member_id in event.member_ids]
    telling.tell_opening(session, UUID(event.campaign_id), member_ids, now=now)


def publish_sale_when_copied(
    event: CampaignCopiedForSlot, *, session: Session, now: datetime
) -> None:
    """Give a slot's new draft its terms and publish it, as the slot's maker decided."""
    if event.kind != CampaignKind.FLASH_SALE.value:
        return
    campaign = campaigns.lock_campaign(session, UUID(event.campaign_id))
    source = campaigns.lock_campaign(session, UUID(event.source_id))
    service.copy_terms(session, from_id=source.id, into=campaign)
    service.schedule_flash_sale(
        session,
        campaign,
        fee_basis_points=event.fee_basis_points,
        actor=campaign.created_by,
        approved_by=source.approved_by,
        now=now,
    )
