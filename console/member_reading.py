"""What the page of one member reads: nothing that identifies the person, a few of everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from group_buy.models import Group, Seat
from group_buy.sheets.models import OrderSheet, SheetEntry
from shop.campaigns.models import Campaign
from shop.cards.models import Card, CardStatus
from shop.members import finding
from shop.members import queries as members
from shop.members.models import Consent, Identity, Member, SignIn
from shop.members.phones import PhoneBook
from shop.orders.models import Order
from shop.outreach.inbox import service as inbox
from shop.outreach.inbox.models import GrantStatus, InboxMessage, NoticeKind, SubscribeGrant
from shop.referral.models import Invite, Touch

FEW: Final = 10
MOST_JOINED: Final = 20


@dataclass(frozen=True, slots=True)
class Person:
    """One member, as far as an operator may see them."""

    phone: str | None  # masked
    identities: Sequence[Identity]
    sign_ins: Sequence[SignIn]
    signed_in: int
    consents: Sequence[Consent]
    joined: Sequence[Member]  # accounts that became part of this one
    cards: Mapping[CardStatus, int]
    orders: Sequence[Order]
    seats: Sequence[tuple[Seat, Group]]
    entries: Sequence[tuple[SheetEntry, OrderSheet]]
    invites: Sequence[tuple[Invite, str | None]]
    touches: Sequence[tuple[Touch, Invite]]
    unread: int
    messages: Sequence[InboxMessage]
    muted: Sequence[NoticeKind]
    open_grants: int


def read_person(
    session: Session, phone_book: PhoneBook, member: Member, *, now: datetime
) -> Person:
    """Read the newest of everything."""
    mine = member.id
    return Person(
        phone=members.masked_phone(phone_book, member),
        identities=_few(session, select(Identity).where(Identity.member_id == mine), Identity.id),
        sign_ins=_few(session, select(SignIn).where(SignIn.member_id == mine), SignIn.id),
        signed_in=members.count_sign_ins(session, mine, now=now),
        consents=_few(session, select(Consent).where(Consent.member_id == mine), Consent.id),
        joined=session.scalars(
            select(Member).where(Member.joined_into_id == mine).limit(MOST_JOINED)
        ).all(),
        cards=_count_cards(session, mine),
        orders=_few(session, select(Order).where(Order.member_id == mine), Order.id),
        seats=_few_rows(
            session,
            select(Seat, Group)
            .join(Group, Group.id == Seat.group_id)
            .where(Seat.member_id == mine)
            .order_by(Seat.id.desc()),
        ),
        entries=_few_rows(
            session,
            select(SheetEntry, OrderSheet)
            .join(OrderSheet, OrderSheet.id == SheetEntry.sheet_id)
            .where(SheetEntry.member_id == mine)
            .order_by(SheetEntry.id.desc()),
        ),
        invites=_few_rows(
            session,
            select(Invite, Campaign.name)
            .outerjoin(Campaign, Campaign.id == Invite.campaign_id)
            .where(Invite.member_id == mine)
            .order_by(Invite.id.desc()),
        ),
        touches=_few_rows(
            session,
            select(Touch, Invite)
            .join(Invite, Invite.id == Touch.invite_id)
            .where(Touch.member_id == mine)
            .order_by(Touch.at.desc()),
        ),
        unread=inbox.count_unread(session, mine),
        messages=inbox.list_messages(session, mine, limit=FEW).items,
        muted=inbox.list_muted(session, mine),
        open_grants=_count_grants(session, mine),
    )


def find_members(session: Session, words: str, member_id: UUID | None) -> Sequence[Member]:
    """Return whom an id, the end of one, or the number of an order stands for."""
    if member_id is not None:
        found = session.get(Member, member_id)
        return [found] if found is not None else []
    if len(words) == finding.NUMBER:
        return finding.find_by_number(session, words)
    buyer = select(Member).join(Order, Order.member_id == Member.id)
    return session.scalars(buyer.where(Order.order_no == words.upper())).all()


def _count_cards(session: Session, member_id: UUID) -> Mapping[CardStatus, int]:
    rows = session.execute(
        select(Card.status, func.count()).where(Card.member_id == member_id).group_by(Card.status)
    )
    return {status: int(count) for status, count in rows}


def _count_grants(session: Session, member_id: UUID) -> int:
    is_open = (SubscribeGrant.member_id == member_id, SubscribeGrant.status == GrantStatus.OPEN)
    return session.scalar(select(func.count()).select_from(SubscribeGrant).where(*is_open)) or 0


def _few(session: Session, query: Select[Any], key: Any) -> Sequence[Any]:
    return session.scalars(query.order_by(key.desc()).limit(FEW)).all()


def _few_rows(session: Session, query: Select[Any, Any]) -> list[tuple[Any, Any]]:
    return [(one, other) for one, other in session.execute(query.limit(FEW))]
