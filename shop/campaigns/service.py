"""Campaigns at an operator's hand: plan, schedule, pause, resume, cancel, copy, settle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from kit.lifecycle import IllegalMove, move
from kit.money import MOST_FEN, Fen
from kit.outbox import emit
from kit.sweep import settle as nothing_left
from shop.campaigns import queries
from shop.campaigns.events import (
    CampaignCancelled,
    CampaignPaused,
    CampaignResumed,
    CampaignScheduled,
    CampaignSettled,
)
from shop.campaigns.models import (
    Audience,
    Campaign,
    CampaignEdge,
    CampaignItem,
    CampaignKind,
    CampaignStatus,
    Edge,
)
from shop.campaigns.planning import DryRun, LowestPriceOf, dry_run
from shop.campaigns.rules import BadPlan, Window, check_window, due_in
from shop.cards import allotments
from shop.catalog.models import Sku

S = CampaignStatus
MOST_ITEMS: Final = 20
MOST_UNITS: Final = 1_000_000  # of one item
MOST_NAME: Final = 80


class CannotPublish(Conflict):
    """Something stands in the way: codes are missing, or a product is not published."""

    code = "campaigns.cannot_publish"
    title = "The campaign cannot be published as it is"
    message = "活动暂时无法发布"


class NeedsApproval(Conflict):
    """A price below cost needs the word of a second person."""

    code = "campaigns.needs_approval"
    title = "A second person must approve a price below cost"
    message = "亏损价活动需要第二人审批"


class EverythingStopped(Conflict):
    """The emergency stop is on: nothing is resumed before it is lifted."""

    code = "campaigns.everything_stopped"
    title = "Lift the emergency stop first"
    message = "请先解除紧急停止"


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """A SKU to be sold, at which price in fen, and how many units at most."""

    sku_id: UUID
    deal_price_fen: Fen
    allotment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an operator decides about a campaign, whichever way it sells."""

    name: str
    window: Window
    items: Sequence[ItemPlan]
    limit_per_member: int = 1
    pay_within_seconds: int = 900
    audience: Audience = Audience.ALL
    rules_text: str = ""
    refund_promise: str = ""
    binds_days: int = 7  # how long an invite to it binds whoever opens it
    trails: timedelta = timedelta(0)  # how long after its end something of it may still be sold
    needs_release: bool = False  # not settled before its way of selling says so


def plan_campaign(
    session: Session, kind: CampaignKind, plan: Plan, *, actor: str, now: datetime
) -> Campaign:
    """Write a draft down; raises `BadPlan`."""
    check_window(plan.window, now=now)
    _check_figures(plan)
    _check_items(session, plan.items)
    campaign = Campaign(
        id=new_id(),
        kind=kind,
        status=S.DRAFT,
        name=plan.name,
        rules_text=plan.rules_text,
        refund_promise=plan.refund_promise,
        audience=plan.audience,
        limit_per_member=plan.limit_per_member,
        pay_within_seconds=plan.pay_within_seconds,
        warms_at=plan.window.warms_at,
        starts_at=plan.window.starts_at,
        ends_at=plan.window.ends_at,
        binds_days=plan.binds_days,
        trails_seconds=int(plan.trails.total_seconds()),
        needs_release=plan.needs_release,
        created_by=actor,
        created_at=now,
    )
    session.add(campaign)
    session.flush()  # the items name the campaign
    session.add_all(
        CampaignItem(
            id=new_id(),
            campaign_id=campaign.id,
            sku_id=item.sku_id,
            position=position,
            deal_price_fen=item.deal_price_fen,
            allotment=item.allotment,
        )
        for position, item in enumerate(plan.items)
    )
    session.flush()  # what follows reads the items
    return campaign


def schedule_campaign(
    session: Session,
    campaign: Campaign,
    *,
    lowest_price_of: LowestPriceOf,
    fee_basis_points: int,
    actor: str,
    approved_by: str | None = None,
    now: datetime,
) -> DryRun:
    """Publish a draft: its rules stand from now on and its codes are set aside for it.

    Raises `CannotPublish` with the blockers, `NeedsApproval`, `OutOfStock` or `IllegalMove`.
    """
    if campaign.status is not S.DRAFT:
        raise IllegalMove(kind="campaign", old=campaign.status.value, new=S.SCHEDULED.value)
    forecast = dry_run(
        session,
        campaign,
        lowest_price_of=lowest_price_of,
        fee_basis_points=fee_basis_points,
        now=now,
    )
    if forecast.blockers:
        raise CannotPublish(blockers=[blocker.detail for blocker in forecast.blockers])
    if forecast.needs_approval and approved_by in (None, "", actor, campaign.created_by):
        raise NeedsApproval(worst_case_subsidy_fen=forecast.worst_case_subsidy_fen)
    for item in queries.list_items(session, [campaign.id])[campaign.id]:
        allotments.set_aside(
            session, sku_id=item.sku_id, allotted_to=item.id, quantity=item.allotment, now=now
        )
    campaign.approved_by = approved_by
    campaign.due_at = due_in(campaign, S.SCHEDULED)
    move(session, campaign, S.SCHEDULED, at=now, actor=actor)
    emit(session, CampaignScheduled(str(campaign.id), campaign.kind.value), now=now)
    return forecast


def pause_campaign(
    session: Session, campaign: Campaign, *, reason: str, actor: str, now: datetime
) -> None:
    """Refuse buyers, telling them `reason`, until resumed; raises `BadPlan` or `IllegalMove`."""
    if not reason.strip():
        raise BadPlan(reason="members are told why")
    campaign.pause_reason = reason[:200]
    move(session, campaign, S.PAUSED, at=now, actor=actor)
    emit(
        session,
        CampaignPaused(str(campaign.id), campaign.kind.value, campaign.pause_reason),
        now=now,
    )


def resume_campaign(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Take buyers again; raises `IllegalMove`, or `EverythingStopped` while a stop is on."""
    # Who stops or lifts at this moment holds the lock, and waits for the row that we hold.
    is_calm = session.scalar(select(func.pg_try_advisory_xact_lock_shared(queries.STOPPING)))
    if not is_calm or queries.find_stop(session) is not None:
        raise EverythingStopped
    if campaign.status is not S.PAUSED:  # what has not opened yet goes live by the clock alone
        raise IllegalMove(kind="campaign", old=campaign.status.value, new=S.LIVE.value)
    move(session, campaign, S.LIVE, at=now, actor=actor)
    campaign.pause_reason = None
    campaign.is_stopped = False
    emit(session, CampaignResumed(str(campaign.id), campaign.kind.value), now=now)


def cancel_campaign(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Call off a campaign that has not opened; its codes are free again. `IllegalMove` else."""
    move(session, campaign, S.CANCELLED, at=now, actor=actor)
    nothing_left(campaign)
    _give_back(session, campaign)
    emit(session, CampaignCancelled(str(campaign.id), campaign.kind.value), now=now)


def copy_campaign(
    session: Session,
    source: Campaign,
    *,
    window: Window,
    name: str | None = None,
    actor: str,
    now: datetime,
) -> Campaign:
    """Draft the same again for another window; what its way of selling adds is copied above."""
    items = queries.list_items(session, [source.id])[source.id]
    plan = Plan(
        name=name or source.name,
        window=window,
        items=[ItemPlan(item.sku_id, item.deal_price_fen, item.allotment) for item in items],
        limit_per_member=source.limit_per_member,
        pay_within_seconds=source.pay_within_seconds,
        audience=source.audience,
        rules_text=source.rules_text,
        refund_promise=source.refund_promise,
        binds_days=source.binds_days,
        trails=timedelta(seconds=source.trails_seconds),
        needs_release=source.needs_release,
    )
    copied = plan_campaign(session, source.kind, plan, actor=actor, now=now)
    copied.copied_from_id = source.id
    return copied


def release_campaign(session: Session, campaign: Campaign, *, now: datetime) -> None:
    """Begin the trail of a campaign that is over and needed its way of selling's word for it."""
    campaign.released_at = now
    campaign.due_at = due_in(campaign, S.ENDED)
    session.flush()  # what is still sold goes by it


def settle_campaign(session: Session, campaign: Campaign, *, now: datetime) -> None:
    """Close the books of a campaign of which nothing is open; unsold codes are free again."""
    due_at = due_in(campaign, S.ENDED)
    session.add(CampaignEdge(campaign_id=campaign.id, edge=Edge.SETTLE, due_at=due_at))
    move(session, campaign, S.SETTLED, at=now, actor="scheduler")
    nothing_left(campaign)
    _give_back(session, campaign)
    emit(session, CampaignSettled(str(campaign.id), campaign.kind.value), now=now)


def _check_figures(plan: Plan) -> None:
    if not 1 <= len(plan.name.strip()) <= len(plan.name) <= MOST_NAME:
        raise BadPlan(reason=f"it needs a name of up to {MOST_NAME} characters")
    if len(plan.refund_promise) > 200:
        raise BadPlan(reason="the refund promise is longer than 200 characters")
    if not 1 <= plan.limit_per_member <= 100:
        raise BadPlan(reason="a member may buy 1 to 100 units")
    if not 1 <= plan.pay_within_seconds <= 86_400:
        raise BadPlan(reason="there is a second to a day for paying")
    if not 1 <= plan.binds_days <= 90:
        raise BadPlan(reason="an invite binds for 1 to 90 days")


def _check_items(session: Session, items: Sequence[ItemPlan]) -> None:
    if not 1 <= len(items) <= MOST_ITEMS:
        raise BadPlan(reason=f"it needs 1 to {MOST_ITEMS} items")
    if any(not 0 < item.deal_price_fen <= MOST_FEN for item in items):
        raise BadPlan(reason="a deal price is not an amount")
    if any(not 1 <= item.allotment <= MOST_UNITS for item in items):
        raise BadPlan(reason=f"an item has 1 to {MOST_UNITS} units")
    sku_ids = {item.sku_id for item in items}
    if len(sku_ids) != len(items):
        raise BadPlan(reason="a SKU stands in two items")
    known = session.scalars(select(Sku.id).where(Sku.id.in_(sku_ids))).all()
    if missing := sku_ids - set(known):
        raise BadPlan(reason=f"there is no SKU {min(map(str, missing))}")


def _give_back(session: Session, campaign: Campaign) -> None:
    for item in queries.list_items(session, [campaign.id])[campaign.id]:
        allotments.give_back(session, allotted_to=item.id)
