"""Members inside one transaction: signing in and out, consents, profile, leaving, export."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.crypto import keyed_hash, new_token
from kit.errors import Conflict
from kit.ids import new_id
from kit.lifecycle import move
from kit.outbox import emit
from shop.members import avatars, queries, rules
from shop.members.events import AccountClosed
from shop.members.identities import find_or_make_owner
from shop.members.models import Consent, Identity, Member, MemberStatus, SignIn
from shop.members.phones import PhoneBook
from shop.members.platforms import PlatformIdentity

ACTOR: Final = "member"  # every change of a member's status is their own act


class ConsentNotGiven(Conflict):
    """A consent that was never given cannot be withdrawn."""

    code = "members.consent_not_given"
    title = "You never consented to this version"
    message = "您尚未同意该版本的协议"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new sign-in, whose it is, and its token, which is told this once and kept nowhere."""

    token: str = field(repr=False)
    sign_in: SignIn
    member: Member
    is_new: bool  # the member was made by this sign-in


class ProfileChanges(TypedDict, total=False):
    """What changes in a profile: None empties a field, a field left out stays."""

    nickname: str | None
    avatar_url: str | None


def sign_in_identity(
    session: Session,
    identity: PlatformIdentity,
    *,
    token_hash_key: bytes,
    device_hash: bytes | None = None,
    now: datetime,
) -> SignedIn:
    """Sign in whoever the platform says this is; the first time makes the member.

    A new identity with a union id that a member has already becomes that member's. Raises
    `queries.MemberNotActive` when the member is joined or deleted at this moment: once more helps.
    """
    member, known, is_new = find_or_make_owner(session, identity, now=now)
    token = new_token()
    sign_in = SignIn(
        id=new_id(),
        member_id=member.id,
        identity_id=known.id,
        platform=identity.platform,
        token_hash=_hash_token(token, token_hash_key),
        device_hash=device_hash,
        created_at=now,
        expires_at=now + rules.SIGN_IN_LASTS,
    )
    session.add(sign_in)
    return SignedIn(token, sign_in, member, is_new)


def find_sign_in(
    session: Session, token: str, *, token_hash_key: bytes, now: datetime
) -> tuple[Member, SignIn] | None:
    """Return whose token this is and which sign-in, or None when it is unknown or has ended."""
    row = session.execute(
        select(Member, SignIn)
        .join(SignIn, SignIn.member_id == Member.id)
        .where(
            SignIn.token_hash == _hash_token(token, token_hash_key),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
            Member.status == MemberStatus.ACTIVE,
        )
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def sign_out(session: Session, sign_in: SignIn, *, now: datetime) -> None:
    """End this sign-in; ending it again changes nothing."""
    session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in.id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def sign_out_everywhere(session: Session, member_id: UUID, *, now: datetime) -> None:
    """End every sign-in of the member; raises `queries.MemberNotActive`."""
    # Under the lock nothing moves to another member between asking and ending.
    queries.lock_member(session, member_id)
    _end_sign_ins(session, member_id, now=now)


def give_consent(
    session: Session, member_id: UUID, *, document: str, version: str, now: datetime
) -> None:
    """Write down the consent; one that stands already is kept as it is.

    Raises `rules.UnknownDocument`, `rules.DocumentOutdated` or `queries.MemberNotActive`.
    """
    named = rules.find_document(document)
    rules.check_version(named, version)
    queries.lock_member(session, member_id)
    standing = select(Consent.id).where(*_consent_to(member_id, named, version))
    if session.scalars(standing.where(Consent.withdrawn_at.is_(None)).limit(1)).first():
        return
    statement = insert(Consent).values(
        id=new_id(), member_id=member_id, document=named.value, version=version, given_at=now
    )
    # Given, withdrawn and given again in one instant: it stands.
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[
                Consent.member_id,
                Consent.document,
                Consent.version,
                Consent.given_at,
            ],
            set_={"withdrawn_at": None},
        )
    )


def withdraw_consent(
    session: Session, member_id: UUID, *, document: str, version: str, now: datetime
) -> None:
    """Withdraw the consent to this version; once withdrawn it stays so.

    Raises `rules.UnknownDocument`, `ConsentNotGiven` or `queries.MemberNotActive`.
    """
    consent_to = _consent_to(member_id, rules.find_document(document), version)
    queries.lock_member(session, member_id)
    if session.scalars(select(Consent.id).where(*consent_to).limit(1)).first() is None:
        raise ConsentNotGiven
    session.execute(
        update(Consent).where(*consent_to, Consent.withdrawn_at.is_(None)).values(withdrawn_at=now)
    )


def update_profile(
    session: Session, member_id: UUID, *, now: datetime, **changes: Unpack[ProfileChanges]
) -> Member:
    """Change what is given of nickname and avatar, and return the member.

    Raises `rules.NicknameRefused`, `rules.AvatarRefused` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    if "nickname" in changes:
        nickname = changes["nickname"]
        member.nickname = None if nickname is None else rules.clean_nickname(nickname)
    if "avatar_url" in changes:
        avatars.replace_avatar(session, member, changes["avatar_url"], now=now)
    return member


def pseudonymise(session: Session, *, member_id: UUID, now: datetime) -> None:
    """Delete the account: nothing personal stays but the row, which the books refer to.

    The platforms' identities go, so the same person is a new member when they come back. Raises
    `queries.MemberNotFound` or `queries.MemberNotActive`.
    """
    member = queries.lock_member(session, member_id)
    move(session, member, MemberStatus.DELETED, at=now, actor=ACTOR)
    member.deleted_at = now
    forget_person(session, member)
    session.execute(delete(Identity).where(Identity.member_id == member_id))
    session.execute(update(SignIn).where(SignIn.member_id == member_id).values(device_hash=None))
    _end_sign_ins(session, member_id, now=now)
    emit(session, AccountClosed(member_id=str(member_id)), now=now)


def forget_person(session: Session, member: Member) -> None:
    """Empty what the member's row tells of the person; their number is free from then on."""
    member.leader_since = member.leader_applied_at = member.leader_declined_why = None
    member.nickname = None
    avatars.forget_avatar(session, member)
    member.phone_sealed = None
    member.phone_hash = None
    member.phone_tail_hash = None
    session.flush()  # a number is unique, and another member may take it in this transaction


def export_member(session: Session, phone_book: PhoneBook, *, member_id: UUID) -> dict[str, Any]:
    """Return what this room holds about the member as JSON values, the phone number in clear.

    For the member alone. Token hashes and the platforms' open ids stay: they are keys, not facts.
    Raises `queries.MemberNotFound`.
    """
    member = queries.get_member(session, member_id)
    identities = select(Identity).where(Identity.member_id == member_id).order_by(Identity.id)
    sign_ins = select(SignIn).where(SignIn.member_id == member_id).order_by(SignIn.id)
    return {
        "member": {
            "id": str(member.id),
            "status": member.status.value,
            "nickname": member.nickname,
            "avatar_url": member.avatar_url,
            "is_avatar_shown": member.is_avatar_fit,
            "phone": queries.read_phone(phone_book, member),
            "created_at": _text_of(member.created_at),
            "leader_since": _text_of(member.leader_since),
            "leader_applied_at": _text_of(member.leader_applied_at),
        },
        "identities": [
            {
                "platform": row.platform.value,
                "app_id": row.app_id,
                "created_at": _text_of(row.created_at),
            }
            for row in session.scalars(identities)
        ],
        "sign_ins": [
            {
                "platform": row.platform.value,
                "created_at": _text_of(row.created_at),
                "expires_at": _text_of(row.expires_at),
                "revoked_at": _text_of(row.revoked_at),
            }
            for row in session.scalars(sign_ins)
        ],
        "consents": [
            {
                "document": row.document,
                "version": row.version,
                "given_at": _text_of(row.given_at),
                "withdrawn_at": _text_of(row.withdrawn_at),
            }
            for row in queries.list_consents(session, member_id)
        ],
    }


def _hash_token(token: str, key: bytes) -> bytes:
    # A token of any text has a hash, so that a malformed one is unknown like any other.
    return keyed_hash(key, b"members.token", token.encode(errors="surrogatepass"))


def _end_sign_ins(session: Session, member_id: UUID, *, now: datetime) -> None:
    session.execute(
        update(SignIn)
        .where(SignIn.member_id == member_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _consent_to(
    member_id: UUID, document: rules.Document, version: str
) -> tuple[ColumnElement[bool], ...]:
    return (
        Consent.member_id == member_id,
        Consent.document == document.value,
        Consent.version == version,
    )


def _text_of(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
