"""A member's phone number, and the joining of two members who are one person."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session, aliased

from kit.crypto import same
from kit.errors import Conflict
from kit.lifecycle import move
from kit.outbox import emit
from shop.members import avatars, queries
from shop.members.events import MembersJoined
from shop.members.models import Consent, Identity, Member, MemberStatus, SignIn
from shop.members.phones import PhoneBook
from shop.members.queries import MemberNotActive, MemberNotFound
from shop.members.service import ACTOR, forget_person
from shop.members.turns import take_turns

OWNED: Final = (Identity, SignIn)  # rows that follow their member into another


class PhoneBelongsToAnother(Conflict):
    """Another member has the number; joining the two is for the member to ask."""

    code = "members.phone_belongs_to_another"
    title = "Another account has this phone number"
    message = "该手机号已绑定其他账号，确认是您本人后可合并账号"


class TwoPhones(Conflict):
    """Both members have a number of their own, and one of the two would be lost."""

    code = "members.two_phones"
    title = "Both accounts have a phone number of their own"
    message = "两个账号绑定了不同的手机号，无法合并"


def set_phone(
    session: Session,
    phone_book: PhoneBook,
    *,
    member_id: UUID,
    phone: str,
    join: bool,
    now: datetime,
) -> Member:
    """Give the member this verified, normalised number, in place of an earlier one.

    When another member has it, `join` makes this member part of that one; returns whoever has the
    number then. Raises `PhoneBelongsToAnother`, `TwoPhones`, `MemberNotActive`, `MemberNotFound`.
    """
    phone_hash = phone_book.hash(phone)
    take_turns(session, "phone", phone_hash)  # two who link one new number go one by one
    rows = _lock(session, or_(Member.id == member_id, Member.phone_hash == phone_hash))
    member = _pick(rows, member_id)
    other = next((row for row in rows if row is not member), None)  # who has the number
    if other is not None and join:
        return _join(session, phone_book, member, other, now=now)
    if member.status is not MemberStatus.ACTIVE:
        raise MemberNotActive
    if other is not None:
        raise PhoneBelongsToAnother
    member.phone_hash = phone_hash
    member.phone_tail_hash = phone_book.hash_tail(phone)
    member.phone_sealed = phone_book.seal(phone, member_id=member.id)
    return member


def join_members(
    session: Session, phone_book: PhoneBook, *, from_id: UUID, into_id: UUID, now: datetime
) -> Member:
    """Make one member part of another, with all they have, and return that other.

    The caller has made sure that both are one person who wants this. Once more changes nothing.
    Raises `TwoPhones`, `MemberNotActive` or `MemberNotFound`.
    """
    rows = _lock(session, Member.id.in_({from_id, into_id}))
    return _join(session, phone_book, _pick(rows, from_id), _pick(rows, into_id), now=now)


def _join(
    session: Session, phone_book: PhoneBook, gone: Member, kept: Member, *, now: datetime
) -> Member:
    if kept.status is not MemberStatus.ACTIVE:
        raise MemberNotActive
    if gone is kept or gone.joined_into_id == kept.id:
        return kept  # the same wish a second time
    if gone.status is not MemberStatus.ACTIVE:
        raise MemberNotActive
    if gone.phone_hash and kept.phone_hash and not same(gone.phone_hash, kept.phone_hash):
        raise TwoPhones
    if kept.avatar_url is None:
        avatars.hand_over(session, gone, kept)
    gone.joined_into_id = kept.id
    move(session, gone, MemberStatus.JOINED, at=now, actor=ACTOR)
    _hand_over_person(session, phone_book, gone, kept)
    _hand_over_rows(session, gone.id, kept.id)
    emit(session, MembersJoined(from_id=str(gone.id), into_id=str(kept.id)), now=now)
    return kept


def _hand_over_person(session: Session, phone_book: PhoneBook, gone: Member, kept: Member) -> None:
    phone = queries.read_phone(phone_book, gone)
    phone_hash, nickname = gone.phone_hash, gone.nickname
    approvals = [at for at in (gone.leader_since, kept.leader_since) if at is not None]
    forget_person(session, gone)
    kept.nickname = kept.nickname or nickname
    kept.leader_since = min(approvals, default=None)
    if phone is not None:
        kept.phone_hash = phone_hash
        kept.phone_tail_hash = phone_book.hash_tail(phone)
        kept.phone_sealed = phone_book.seal(phone, member_id=kept.id)


def _hand_over_rows(session: Session, gone_id: UUID, kept_id: UUID) -> None:
    for table in OWNED:
        session.execute(update(table).where(table.member_id == gone_id).values(member_id=kept_id))
    theirs = aliased(Consent)
    is_double = (
        select(theirs.id)
        .where(
            theirs.member_id == kept_id,
            theirs.document == Consent.document,
            theirs.version == Consent.version,
            theirs.given_at == Consent.given_at,
        )
        .exists()
    )
    # A consent that both gave in one instant stays where it is: it says nothing more.
    session.execute(
        update(Consent)
        .where(Consent.member_id == gone_id, ~is_double)
        .values(member_id=kept_id)
        .execution_options(synchronize_session=False)
    )


def _lock(session: Session, which: ColumnElement[bool]) -> list[Member]:
    """Return the members, locked by ascending id and fresh.

    The condition is looked at again after the wait, so a number just given up no longer counts.
    """
    statement = select(Member).where(which).order_by(Member.id).with_for_update()
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def _pick(rows: list[Member], member_id: UUID) -> Member:
    for row in rows:
        if row.id == member_id:
            return row
    raise MemberNotFound
