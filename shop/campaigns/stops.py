"""The emergency stop: everything that sells is paused at once, and so is whatever opens later."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.ids import new_id
from shop.campaigns import queries
from shop.campaigns.models import Campaign, CampaignStatus, Stop
from shop.campaigns.rules import BadPlan, Paused
from shop.campaigns.service import pause_campaign, resume_campaign

S: Final = CampaignStatus


class StoppedAlready(Conflict):
    """The emergency stop is on."""

    code = "campaigns.stopped_already"
    title = "Everything is stopped already"
    message = "已处于紧急停止状态"


class NotStopped(Conflict):
    """The emergency stop is not on."""

    code = "campaigns.not_stopped"
    title = "Nothing is stopped"
    message = "当前没有紧急停止"


class OtherStop(Conflict):
    """The stop that was looked at is lifted; another may be on."""

    code = "campaigns.other_stop"
    title = "Another stop is on by now; look again"
    message = "紧急停止已变更，请刷新后重试"


def stop_all(session: Session, *, why: str, actor: str, now: datetime) -> int:
    """Pause every live campaign and whatever opens until it is lifted; return how many now."""
    if not why.strip():
        raise BadPlan(reason="members are told why")
    # Whatever is just opening has opened when this returns, and is found below.
    session.execute(select(func.pg_advisory_xact_lock(queries.STOPPING)))
    if queries.find_stop(session) is not None:
        raise StoppedAlready
    session.add(Stop(id=new_id(), why=why[:200], stopped_by=actor, stopped_at=now))
    live = _lock_all(session, Campaign.status == S.LIVE)
    for campaign in live:
        pause_campaign(session, campaign, reason=why, actor=actor, now=now)
        campaign.is_stopped = True
    return len(live)


def lift_stop(session: Session, *, seen: UUID | None = None, actor: str, now: datetime) -> int:
    """Resume what the stop paused and is not over; return how many.

    Raises `NotStopped`, or `OtherStop` when it is not the one that was `seen`.
    """
    session.execute(select(func.pg_advisory_xact_lock(queries.STOPPING)))
    stop = queries.find_stop(session)
    if stop is None:
        raise NotStopped
    if seen is not None and seen != stop.id:
        raise OtherStop
    stop.is_lifted = True
    stop.lifted_by = actor
    stop.lifted_at = now
    session.flush()  # nothing is resumed while a stop is on
    paused = _lock_all(session, Campaign.status == S.PAUSED, Campaign.is_stopped)
    for campaign in paused:
        resume_campaign(session, campaign, actor=actor, now=now)
    return len(paused)


def check_not_stopped(session: Session) -> None:
    """Raise `Paused` while the stop is on; for whatever sells without a campaign."""
    stop = queries.find_stop(session)
    if stop is not None:
        raise Paused(reason=stop.why)


def _lock_all(session: Session, *conditions: object) -> list[Campaign]:
    return list(
        session.scalars(
            select(Campaign)
            .where(*conditions)  # type: ignore[arg-type] # column conditions, each of its own type
            .order_by(Campaign.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )
