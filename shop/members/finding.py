"""Finding members for whoever helps them: by number, by phone, by the end of a phone number."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal_column, select
from sqlalchemy.orm import Session

from kit.pages import Page, read_page
from shop.members import leaders
from shop.members.models import Member, MemberStatus
from shop.members.phones import TAIL, PhoneBook

NUMBER: Final = 6  # characters at the end of a member's id, by which operators tell members apart
MOST: Final = 20
AT_ONCE: Final = 500


def list_members(
    session: Session,
    *,
    status: MemberStatus | None = None,
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Member]:
    """Return a page of members, newest first."""
    query = select(Member)
    if status is not None:
        query = query.where(Member.status == status)
    return read_page(session, query, Member.id, cursor=cursor, limit=limit)


def list_leaders(session: Session, *, cursor: str | None = None, limit: int = 30) -> Page[Member]:
    """Return a page of the leaders, whoever came to the shop last first."""
    query = select(Member).where(Member.leader_since.is_not(None))
    return read_page(session, query, Member.id, cursor=cursor, limit=limit)


def list_applicants(
    session: Session, *, cursor: str | None = None, limit: int = 30
) -> Page[Member]:
    """Return a page of the members who wait to become leaders."""
    query = select(Member).where(*leaders.has_applied())
    return read_page(session, query, Member.id, cursor=cursor, limit=limit)


def find_by_number(session: Session, number: str) -> Sequence[Member]:
    """Return the members whose id ends so; mostly it is one."""
    ending = func.right(cast(Member.id, Text), literal_column(str(NUMBER)))  # as its index has it
    return _list(session, ending == number.lower())


def find_by_phone(session: Session, phone_book: PhoneBook, text: str) -> Sequence[Member]:
    """Return who has the phone number, or of four digits alone, whose numbers end so.

    Raises `PhoneMalformed`.
    """
    digits = text.strip()
    if len(digits) == TAIL and digits.isascii() and digits.isdecimal():
        return _list(session, Member.phone_tail_hash == phone_book.hash_tail(digits))
    return _list(session, Member.phone_hash == phone_book.hash(phone_book.normalise(digits)))


def remember_tails(session: Session, phone_book: PhoneBook, *, after: UUID | None) -> UUID | None:
    """Note the ends of numbers that were linked before they were kept; return where it goes on."""
    lacking = select(Member).where(
        Member.phone_sealed.is_not(None), Member.phone_tail_hash.is_(None)
    )
    if after is not None:
        lacking = lacking.where(Member.id > after)
    rows = session.scalars(lacking.order_by(Member.id).limit(AT_ONCE).with_for_update()).all()
    for member in rows:
        if member.phone_sealed is not None:
            phone = phone_book.unseal(member.phone_sealed, member_id=member.id)
            member.phone_tail_hash = phone_book.hash_tail(phone)
    return rows[-1].id if rows else None


def _list(session: Session, which: ColumnElement[bool]) -> Sequence[Member]:
    return session.scalars(select(Member).where(which).order_by(Member.id.desc()).limit(MOST)).all()
