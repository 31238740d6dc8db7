"""Invites and what they bring about: giving a code, opening one, owing an order to it, joining."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kit.errors import Malformed, NotFound
from kit.ids import new_id
from kit.money import Fen
from shop.campaigns import queries as campaigns
from shop.chat_groups import queries as chat_groups
from shop.members import queries as members
from shop.referral import commissions, persons, queries
from shop.referral.earning import hand_over, lock_earnings
from shop.referral.giving_up import give_up_if_closed
from shop.referral.models import (
    Attribution,
    Commission,
    CommissionRule,
    Invite,
    Touch,
    TouchRefusal,
)
from shop.referral.rules import BOUND_FOR, SAME_TOUCH, new_code


class BadRule(Malformed):
    """The rule is neither a share of 1 to 5,000 basis points nor an amount, or has no window."""

    code = "referral.bad_rule"
    title = "The commission rule makes no sense"
    message = "佣金规则有误"


class RuleNotFound(NotFound):
    """There is no such rule."""

    code = "referral.rule_not_found"
    title = "There is no such commission rule"
    message = "没有找到该佣金规则"


def give_invite(
    session: Session,
    member_id: UUID,
    *,
    campaign_id: UUID | None,
    chat_group_id: UUID | None = None,
    now: datetime,
) -> Invite:
    """Return the member's invite for the campaign, or for everything: always the same.

    One for a chat group that the member runs tells whom that group brought. Raises
    `campaigns.CampaignNotFound`, `chat_groups.ChatGroupNotFound` or `members.MemberNotActive`.
    """
    if campaign_id is not None:
        campaigns.get_campaign(session, campaign_id)
    if chat_group_id is not None:
        chat_groups.get_own_chat_group(session, chat_group_id, leader_id=member_id)
    members.lock_member(session, member_id)
    found = queries.find_current_invite(session, member_id, campaign_id, chat_group_id)
    if found is None:
        found = Invite(
            id=new_id(),
            member_id=member_id,
            campaign_id=campaign_id,
            chat_group_id=chat_group_id,
            code=new_code(),
            created_at=now,
        )
        session.add(found)
        session.flush()
    return found


def count_views(session: Session, looks: Mapping[str, int]) -> None:
    """Count looks at the share pages, by the invite's code."""
    # In one order, so that two who count the same pages wait and do not lock each other out.
    for code, times in sorted(looks.items()):
        counted = update(Invite).where(Invite.code == code)
        session.execute(counted.values(views=Invite.views + times))


def open_invite(session: Session, code: str, *, member_id: UUID, now: datetime) -> Touch:
    """Bind the member to the inviter from now on, unless one may not bring the other.

    Either way it is written down; the same invite within an hour is the same touch. Raises
    `queries.InviteNotFound` or `members.MemberNotActive`.
    """
    invite = queries.get_invite(session, code)
    inviter_id = persons.find_root(session, invite.member_id)
    # Both at once: two who open each other's invites at the same moment see one another.
    if member_id not in members.lock_active(session, {member_id, inviter_id}):
        raise members.MemberNotActive
    earlier = _find_same_touch(session, invite, member_id, now=now)
    if earlier is not None:
        return earlier
    touch = Touch(
        id=new_id(),
        invite_id=invite.id,
        member_id=member_id,
        refusal=_refusal_of(session, inviter_id, member_id, now=now),
        at=now,
        expires_at=now + _bound_for(session, invite),
    )
    session.add(touch)
    session.flush()
    return touch


def open_if_known(session: Session, code: str, *, member_id: UUID, now: datetime) -> None:
    """Open an invite that somebody came by; one that leads nowhere keeps nobody out."""
    with suppress(queries.InviteNotFound, members.MemberNotActive):
        open_invite(session, code, member_id=member_id, now=now)


def attribute_order(session: Session, order_id: UUID, *, now: datetime) -> list[Commission]:
    """Owe a paid order to the last touch before its placing that still may count.

    Leaders earn by it; other members' invites are counted. Who may not earn from whom is decided
    again, since an order tells who paid. Raises `commissions.EarnerChanged`.
    """
    by = persons.find_inviter(session, order_id)
    if by is None:
        return []
    if by.has_joined:
        raise commissions.EarnerChanged
    attribution = Attribution(
        order_id=order_id, invite_id=by.invite_id, touch_id=by.touch_id, at=now
    )
    if by.was_leader:
        return commissions.earn(session, attribution, by, now=now)
    session.add(attribution)
    return []


def add_rule(
    session: Session,
    *,
    campaign_id: UUID | None = None,
    sku_id: UUID | None = None,
    leader_id: UUID | None = None,
    basis_points: int | None = None,
    fixed_fen: Fen | None = None,
    holds_days: int,
    starts_at: datetime,
    ends_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> CommissionRule:
    """Promise leaders a commission from `starts_at` on, which is not in the past; or `BadRule`."""
    is_share = basis_points is not None and 1 <= basis_points <= 5000
    is_amount = fixed_fen is not None and fixed_fen > 0
    is_one = (basis_points is None) != (fixed_fen is None) and (is_share or is_amount)
    has_window = now <= starts_at and (ends_at is None or starts_at < ends_at)
    if not (is_one and has_window and 0 <= holds_days <= 365):
        raise BadRule
    rule = CommissionRule(
        id=new_id(),
        campaign_id=campaign_id,
        sku_id=sku_id,
        leader_id=leader_id,
        basis_points=basis_points,
        fixed_fen=fixed_fen,
        holds_days=holds_days,
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=actor,
        created_at=now,
    )
    session.add(rule)
    session.flush()
    return rule


def end_rule(session: Session, rule_id: UUID, *, now: datetime) -> CommissionRule:
    """Let a rule promise nothing for orders placed from now on; raises `RuleNotFound`.

    A rule that has not begun never begins; one that has ended stays as it is.
    """
    rule = session.get(CommissionRule, rule_id, with_for_update=True, populate_existing=True)
    if rule is None:
        raise RuleNotFound
    if rule.ends_at is None or rule.ends_at > now:
        rule.ends_at = max(now, rule.starts_at)
    return rule


def reassign(session: Session, *, gone_id: UUID, kept_id: UUID, now: datetime) -> None:
    """Give what a joined member has here to the member they became part of.

    Nobody earns on their own orders: what is not paid of that is taken back.
    """
    first, second = sorted((gone_id, kept_id))
    locked = {member_id: lock_earnings(session, member_id) for member_id in (first, second)}
    theirs = select(Invite).where(Invite.member_id == kept_id, Invite.is_current)
    taken = {(one.campaign_id, one.chat_group_id) for one in session.scalars(theirs)}
    for invite in session.scalars(select(Invite).where(Invite.member_id == gone_id)):
        purpose = (invite.campaign_id, invite.chat_group_id)
        invite.is_current = invite.is_current and purpose not in taken
        invite.member_id = kept_id
    session.flush()
    for table, column in ((Commission, "earner_id"), (CommissionRule, "leader_id")):
        session.execute(
            update(table).where(getattr(table, column) == gone_id).values({column: kept_id})
        )
    hand_over(session, locked[gone_id], locked[kept_id], now=now)
    locked[gone_id].closed_at = now
    commissions.adjust_own(session, locked[kept_id], now=now)
    give_up_if_closed(session, locked[kept_id], now=now)


def _refusal_of(
    session: Session, inviter_id: UUID, member_id: UUID, *, now: datetime
) -> TouchRefusal | None:
    inviters = persons.list_parts(session, inviter_id)
    if member_id in inviters:
        return TouchRefusal.SELF
    if persons.is_related(session, inviter_id, member_id):
        return TouchRefusal.RELATED
    bound = persons.list_binding(session, inviters, at=now)
    if any(invite.member_id == member_id for invite in bound):
        return TouchRefusal.MUTUAL
    return None


def _bound_for(session: Session, invite: Invite) -> timedelta:
    """Return how long the invite binds: as its campaign says, else as usual."""
    if invite.campaign_id is None:
        return BOUND_FOR
    return timedelta(days=campaigns.get_campaign(session, invite.campaign_id).binds_days)


def _find_same_touch(
    session: Session, invite: Invite, member_id: UUID, *, now: datetime
) -> Touch | None:
    newest = select(Touch).where(Touch.member_id == member_id).order_by(Touch.at.desc())
    found = session.scalars(newest.limit(1)).one_or_none()
    is_same = found is not None and found.invite_id == invite.id
    return found if is_same and found is not None and now - found.at < SAME_TOUCH else None
