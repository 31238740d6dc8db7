"""Completion by the house: operators fill a group's missing seats openly, two persons deciding."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries, taking
from group_buy.models import Group, GroupStatus, HouseCompletion
from group_buy.rules import GroupOver
from kit.errors import Conflict


class CannotComplete(Conflict):
    """Nobody asked for it, it was approved already, or nobody has paid in the group."""

    code = "group_buy.cannot_complete"
    title = "The group cannot be completed by the house"
    message = "该团暂不能由平台补足"


class NeedsSecondPerson(Conflict):
    """Whoever asked for a completion cannot approve it."""

    code = "group_buy.needs_second_person"
    title = "A second person must approve"
    message = "需要第二人审批"


def ask_for_completion(
    session: Session, group_id: UUID, *, why: str, actor: str, now: datetime
) -> HouseCompletion:
    """Write down that somebody wants the house to complete a group."""
    group = _lock_open(session, group_id, now=now)
    if group.seats_paid == 0 or session.get(HouseCompletion, group_id) is not None:
        raise CannotComplete
    asked = HouseCompletion(group_id=group_id, why=why[:200], asked_by=actor, asked_at=now)
    session.add(asked)
    return asked


def approve_completion(session: Session, group_id: UUID, *, actor: str, now: datetime) -> Group:
    """Form the group with as many seats of the house as are missing, labelled as such."""
    group = _lock_open(session, group_id, now=now)
    asked = session.get(HouseCompletion, group_id, with_for_update=True)
    if asked is None or asked.approved_by is not None or group.seats_paid == 0:
        raise CannotComplete
    if asked.asked_by == actor:
        raise NeedsSecondPerson
    asked.approved_by = actor
    asked.approved_at = now
    taking.form(session, group, house_seats=group.seats_required - group.seats_paid, now=now)
    return group


def _lock_open(session: Session, group_id: UUID, *, now: datetime) -> Group:
    group = queries.lock_group(session, group_id)
    if group.status is not GroupStatus.OPEN or now >= group.ends_at:
        raise GroupOver(status=group.status.value)
    return group
