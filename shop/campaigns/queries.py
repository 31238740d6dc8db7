"""Reading campaigns, their items and edges, and what is due."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.campaigns.models import (
    Campaign,
    CampaignEdge,
    CampaignItem,
    CampaignKind,
    CampaignStatus,
    Slot,
    Stop,
)
from shop.campaigns.rules import Window

S = CampaignStatus

STOPPING: Final = 2_018_061_820  # the advisory lock of stopping everything and opening anything

SHOWN = (S.SCHEDULED, S.WARMING, S.LIVE, S.PAUSED, S.ENDED, S.SETTLED)  # to members
UNDER_WAY = (S.SCHEDULED, S.WARMING, S.LIVE, S.PAUSED)
TURNING = (S.SCHEDULED, S.WARMING, S.LIVE, S.PAUSED)  # whose next edge is a matter of time alone


class CampaignNotFound(NotFound):
    """There is no such campaign, or it is not published."""

    code = "campaigns.not_found"
    title = "Campaign not found"
    message = "没有找到该活动"


def get_campaign(session: Session, campaign_id: UUID) -> Campaign:
    """Return a campaign that members may see; raises `CampaignNotFound`."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None or campaign.status not in SHOWN:
        raise CampaignNotFound
    return campaign


def lock_campaign(session: Session, campaign_id: UUID) -> Campaign:
    """Return the campaign, whatever its status, locked and fresh; raises `CampaignNotFound`.

    Whoever opens a group refers to the row meanwhile: a crowd of them never keeps us waiting.
    """
    campaign = session.get(
        Campaign, campaign_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if campaign is None:
        raise CampaignNotFound
    return campaign


def list_campaigns(
    session: Session,
    *,
    kind: CampaignKind | None = None,
    statuses: Collection[CampaignStatus] = SHOWN,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Campaign]:
    """Return a page of campaigns, newest first."""
    query = select(Campaign).where(Campaign.status.in_(statuses))
    if kind is not None:
        query = query.where(Campaign.kind == kind)
    return read_page(session, query, Campaign.id, cursor=cursor, limit=limit)


def list_items(
    session: Session, campaign_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[CampaignItem]]:
    """Return campaign id → its items in order."""
    rows = session.scalars(
        select(CampaignItem)
        .where(CampaignItem.campaign_id.in_(campaign_ids))
        .order_by(CampaignItem.campaign_id, CampaignItem.position)
    )
    found: dict[UUID, list[CampaignItem]] = {campaign_id: [] for campaign_id in campaign_ids}
    for item in rows:
        found[item.campaign_id].append(item)
    return found


def list_overlaps(
    session: Session, sku_ids: Collection[UUID], window: Window, *, other_than: UUID
) -> Sequence[tuple[CampaignItem, Campaign]]:
    """Return items of other campaigns under way that sell one of the SKUs in the same time."""
    rows = session.execute(
        select(CampaignItem, Campaign)
        .join(Campaign, Campaign.id == CampaignItem.campaign_id)
        .where(
            CampaignItem.sku_id.in_(sku_ids),
            Campaign.id != other_than,
            Campaign.status.in_(UNDER_WAY),
            Campaign.starts_at < window.ends_at,
            Campaign.ends_at > window.starts_at,
        )
        .order_by(Campaign.starts_at, Campaign.id)
    )
    return [(item, campaign) for item, campaign in rows]


def list_between(
    session: Session,
    window: Window,
    *,
    kind: CampaignKind | None = None,
    limit: int,
) -> Sequence[Campaign]:
    """Return campaigns that run in part of a window, drafts too, the first to start first."""
    query = select(Campaign).where(
        Campaign.status != S.CANCELLED,
        Campaign.starts_at < window.ends_at,
        Campaign.ends_at > window.starts_at,
    )
    if kind is not None:
        query = query.where(Campaign.kind == kind)
    return session.scalars(query.order_by(Campaign.starts_at, Campaign.id).limit(limit)).all()


def list_edges(session: Session, campaign_id: UUID) -> Sequence[CampaignEdge]:
    """Return the edges that a campaign has passed, in order."""
    return session.scalars(
        select(CampaignEdge)
        .where(CampaignEdge.campaign_id == campaign_id)
        .order_by(CampaignEdge.passed_at)
    ).all()


def list_slots(session: Session) -> Sequence[Slot]:
    """Return the slots, closed ones too, newest first."""
    return session.scalars(select(Slot).order_by(Slot.id.desc())).all()


def find_stop(session: Session) -> Stop | None:
    """Return the emergency stop that is not lifted, or None."""
    return session.scalars(select(Stop).where(~Stop.is_lifted)).one_or_none()


def wait_for_stopping(session: Session) -> None:
    """Wait until nobody is stopping everything or lifting that; nobody will until our commit.

    Comes before the locks of campaigns: stopping takes the two in the same order.
    """
    session.execute(select(func.pg_advisory_xact_lock_shared(STOPPING)))


def find_stop_for_good(session: Session) -> Stop | None:
    """Return the stop that is on, or None; until the caller commits that stays so."""
    wait_for_stopping(session)
    return find_stop(session)


def due_to_turn(now: datetime) -> Select[UUID]:
    """Select the ids of campaigns that have come to an edge, longest due first."""
    return (
        select(Campaign.id)
        .where(Campaign.due_at <= now, Campaign.status.in_(TURNING))
        .order_by(Campaign.due_at, Campaign.id)
    )


def due_to_settle(now: datetime) -> Select[UUID]:
    """Select the ids of campaigns that are over and may have nothing open any more."""
    return (
        select(Campaign.id)
        .where(Campaign.due_at <= now, Campaign.status == S.ENDED)
        .order_by(Campaign.due_at)
    )


def due_slots(now: datetime) -> Select[UUID]:
    """Select the ids of slots that have a campaign to make."""
    return select(Slot.id).where(Slot.due_at <= now).order_by(Slot.due_at)
