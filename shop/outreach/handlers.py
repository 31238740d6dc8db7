"""What outreach does about news from below."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.campaigns.events import CampaignCancelled, CampaignScheduled, CampaignSettled
from shop.chat_groups.events import ChatGroupAdded
from shop.members.events import MembersJoined
from shop.orders.events import OrderFulfilled, OrderRefunded
from shop.outreach import late_groups, planning
from shop.outreach.inbox import service as inbox
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import Push, PushEdge
from shop.outreach.queries import WITH_OWNER
from shop.referral.events import CommissionEarned


def plan_pushes_when_scheduled(
    event: CampaignScheduled, *, session: Session, now: datetime
) -> None:
    """Make the pushes that the clock will bring."""
    planning.plan_campaign(session, UUID(event.campaign_id), now=now)


def plan_pushes_when_chat_group_added(
    event: ChatGroupAdded, *, session: Session, now: datetime
) -> None:
    """Make the pushes that the clock will bring into the new chat group, too."""
    late_groups.plan_for_group(session, UUID(event.chat_group_id), now=now)


def stop_asking_when_cancelled(
    event: CampaignCancelled, *, session: Session, now: datetime
) -> None:
    """Have tasks that wait for their owners stopped at once."""
    session.execute(
        update(Push)
        .where(
            Push.campaign_id == UUID(event.campaign_id),
            Push.status.in_(WITH_OWNER),
            Push.due_at.is_not(None),
        )
        .values(due_at=now)
    )


def push_when_settled(event: CampaignSettled, *, session: Session, now: datetime) -> None:
    """Make the pushes that tell how it ended."""
    planning.note_edge(session, UUID(event.campaign_id), PushEdge.SETTLED, now=now)


def tell_member_when_refunded(event: OrderRefunded, *, session: Session, now: datetime) -> None:
    """Tell a member that money is back."""
    told = Told(
        kind=NoticeKind.ORDER_REFUNDED,
        cause=f"refund:{event.refund_id}",
        page=f"pages/order/order?id={event.order_id}",
        amount_fen=event.amount_fen,
    )
    telling.tell(session, told, [UUID(event.member_id)], now=now)


def tell_member_when_delivered(event: OrderFulfilled, *, session: Session, now: datetime) -> None:
    """Tell a member that their cards are there; never what is on them."""
    told = Told(
        kind=NoticeKind.CARDS_READY,
        cause=f"cards:{event.order_id}",
        page=f"pages/order/order?id={event.order_id}",
    )
    telling.tell(session, told, [UUID(event.member_id)], now=now)


def tell_leader_when_earned(event: CommissionEarned, *, session: Session, now: datetime) -> None:
    """Tell a leader of commission; who bought is no part of it."""
    told = Told(
        kind=NoticeKind.COMMISSION_EARNED,
        cause=f"commission:{event.member_id}:{event.until}",
        page="pages/leader/earnings",
        amount_fen=event.amount_fen,
    )
    telling.tell(session, told, [UUID(event.member_id)], now=now)


def reassign_inbox_when_joined(event: MembersJoined, *, session: Session, now: datetime) -> None:
    """Give the joined member's inbox and grants to the member they became part of."""
    inbox.reassign(session, gone_id=UUID(event.from_id), kept_id=UUID(event.into_id))
