"""Reading members; open ids leave this room only for the platform that gave them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, func, select
from sqlalchemy.orm import Session

from kit.errors import Conflict, NotFound
from kit.rows import among
from shop.members.models import Consent, Identity, Member, MemberStatus, SignIn
from shop.members.phones import PhoneBook
from shop.members.platforms import Platform


class MemberNotFound(NotFound):
    """There is no such member."""

    code = "members.not_found"
    title = "There is no such member"
    message = "账号不存在"


class MemberNotActive(Conflict):
    """The account was deleted, or became part of another, perhaps a moment ago."""

    code = "members.not_active"
    title = "The account was closed or joined to another"
    message = "账号状态已变化，请刷新后重试"


def get_member(session: Session, member_id: UUID) -> Member:
    """Return the member, whatever their status; raises `MemberNotFound`."""
    member = session.get(Member, member_id)
    if member is None:
        raise MemberNotFound
    return member


def lock_member(session: Session, member_id: UUID) -> Member:
    """Return the active member, locked and fresh.

    Raises `MemberNotFound` or `MemberNotActive`. While the lock is held the member cannot be
    deleted or joined to another, so their identities and sign-ins stay theirs.
    """
    member = session.get(Member, member_id, with_for_update=True, populate_existing=True)
    if member is None:
        raise MemberNotFound
    check_active(member.status)
    return member


def lock_active(session: Session, member_ids: Collection[UUID]) -> set[UUID]:
    """Lock many members, all in one order, and return those of them that are active."""
    rows = session.execute(_LOCK_MANY, {"member_ids": list(member_ids)})
    return {member_id for member_id, status in rows if status is MemberStatus.ACTIVE}


def find_deleted(session: Session, member_ids: Collection[UUID]) -> set[UUID]:
    """Return those of them whose account was deleted, without waiting for anybody."""
    return set(
        session.scalars(
            select(Member.id).where(
                Member.id.in_(member_ids), Member.status == MemberStatus.DELETED
            )
        )
    )


def check_active(status: MemberStatus) -> None:
    """Raise `MemberNotActive` unless a member, whose lock the caller holds, is active."""
    if status is not MemberStatus.ACTIVE:
        raise MemberNotActive


def list_platforms(session: Session, member_id: UUID) -> list[Platform]:
    """Return where the member can sign in, each platform once, in order of name."""
    statement = select(Identity.platform).where(Identity.member_id == member_id).distinct()
    return sorted(session.scalars(statement))


def count_sign_ins(session: Session, member_id: UUID, *, now: datetime) -> int:
    """Count the sign-ins of the member that are good at present."""
    counted = (
        select(func.count())
        .select_from(SignIn)
        .where(SignIn.member_id == member_id, SignIn.revoked_at.is_(None), SignIn.expires_at > now)
    )
    return session.scalar(counted) or 0


def find_open_id(
    session: Session, member_id: UUID, *, platform: Platform, app_id: str
) -> str | None:
    """Return what the platform's application calls the member, or None; never for showing.

    Of several, which joined members have, it is the one that signed in last.
    """
    statement = (
        select(Identity.open_id)
        .outerjoin(
            SignIn, (SignIn.identity_id == Identity.id) & (SignIn.member_id == Identity.member_id)
        )
        .where(
            Identity.member_id == member_id,
            Identity.platform == platform,
            Identity.app_id == app_id,
        )
        .order_by(SignIn.created_at.desc().nulls_last(), SignIn.id.desc(), Identity.id.desc())
        .limit(1)
    )
    return session.scalars(statement).one_or_none()


def find_open_id_here(
    session: Session, sign_in: SignIn, *, platform: Platform, app_id: str
) -> str | None:
    """Return what the application calls the member, on the device of this sign-in if it knows it.

    Who signed in elsewhere is known by the identity that signed in last; None: by none at all.
    """
    identity = session.get(Identity, sign_in.identity_id) if sign_in.identity_id else None
    here = (sign_in.member_id, platform, app_id)
    if identity is not None and (identity.member_id, identity.platform, identity.app_id) == here:
        return identity.open_id
    return find_open_id(session, sign_in.member_id, platform=platform, app_id=app_id)


def list_open_ids(
    session: Session, member_id: UUID, *, platform: Platform, app_id: str
) -> Sequence[str]:
    """Return all that the platform's application calls the member; never for showing."""
    return session.scalars(
        select(Identity.open_id).where(
            Identity.member_id == member_id,
            Identity.platform == platform,
            Identity.app_id == app_id,
        )
    ).all()


def open_id_of(session: Session, sign_in: SignIn) -> str:
    """Return what the platform calls whoever signed in; "" when it is forgotten; never show it."""
    identity = session.get(Identity, sign_in.identity_id) if sign_in.identity_id else None
    return identity.open_id if identity is not None else ""


def list_consents(session: Session, member_id: UUID) -> Sequence[Consent]:
    """Return every consent the member gave, oldest first, the withdrawn ones too."""
    statement = select(Consent).where(Consent.member_id == member_id)
    return session.scalars(statement.order_by(Consent.given_at, Consent.id)).all()


def masked_phone(phone_book: PhoneBook, member: Member) -> str | None:
    """Return the member's number as it may be shown, or None when there is none."""
    phone = read_phone(phone_book, member)
    return None if phone is None else phone_book.mask(phone)


def read_phone(phone_book: PhoneBook, member: Member) -> str | None:
    """Return the member's number in clear, or None; for the member's own eyes alone."""
    if member.phone_sealed is None:
        return None
    return phone_book.unseal(member.phone_sealed, member_id=member.id)


_LOCK_MANY: Final = (
    select(Member.id, Member.status)
    .where(among(Member.id, "member_ids", Uuid()))
    .order_by(Member.id)
    # Whoever places an order of theirs, or closes an account, waits for us as for each other.
    .with_for_update(key_share=True)
)
