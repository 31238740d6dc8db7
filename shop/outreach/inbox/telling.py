"""Telling members: the inbox first, which never fails; then whatever platform may carry it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    exists,
    func,
    inspect,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.rows import array_table
from shop.members.models import Identity, Member, MemberStatus
from shop.members.platforms import Platform
from shop.outreach.inbox.models import (
    TRANSACTIONAL,
    Delivery,
    DeliveryStatus,
    GrantStatus,
    InboxMessage,
    MemberTemplate,
    Mute,
    NoticeKind,
    SubscribeGrant,
)
from shop.outreach.inbox.wording import facts_as_json, word

MESSAGES: Final[Table] = inspect(InboxMessage).local_table  # type: ignore[assignment] # a mapped class's is one
DELIVERIES: Final[Table] = inspect(Delivery).local_table  # type: ignore[assignment] # a mapped class's is one
CHUNK: Final = 5_000  # members of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What members are told. `cause` names what it tells of: nobody is told of that twice."""

    kind: NoticeKind
    cause: str
    page: str
    campaign: str | None = None
    amount_fen: int | None = None
    at: datetime | None = None
    expires_at: datetime | None = None  # afterwards no platform is troubled with it


def tell(session: Session, told: Told, member_ids: Sequence[UUID], *, now: datetime) -> int:
    """Write the message into each member's inbox, with a delivery where a platform may take it.

    Members who are gone or do not want the kind get none; what belongs to a joined member goes
    to whom they became part of. Returns how many messages are new.
    """
    templates = session.scalars(
        select(MemberTemplate).where(MemberTemplate.kind == told.kind)
    ).all()
    statement = _telling(told, templates, now=now)
    made = 0
    for start in range(0, len(member_ids), CHUNK):
        some = member_ids[start : start + CHUNK]
        values = {"row_id": [new_id() for _ in some], "row_member_id": list(some)}
        made += session.scalar(statement, values) or 0
    return made


def _telling(told: Told, templates: Sequence[MemberTemplate], *, now: datetime) -> Select[int]:
    """Return the one statement that writes messages and deliveries, and counts the messages."""
    messages = _messages(told, now=now).returning(MESSAGES.c.id, MESSAGES.c.member_id).cte("made")
    counted = select(func.count()).select_from(messages)
    ways = [_has_way(messages.c.member_id, template) for template in templates]
    if not ways:
        return counted
    same: dict[str, Any] = {
        "status": DeliveryStatus.PLANNED,
        "due_at": now,
        "attempts": 0,
        "expires_at": told.expires_at,
    }
    deliveries = (
        insert(DELIVERIES)
        .from_select(
            ["id", "member_id", *same],
            select(
                messages.c.id,
                messages.c.member_id,
                *(literal(value, DELIVERIES.c[key].type) for key, value in same.items()),
            ).where(or_(*ways)),
        )
        .cte("delivered")
    )
    return counted.add_cte(deliveries)


def _messages(told: Told, *, now: datetime) -> Any:
    facts = facts_as_json(campaign=told.campaign, amount_fen=told.amount_fen, at=told.at)
    title, body = word(told.kind, facts)
    same: dict[str, Any] = {
        "kind": told.kind,
        "cause": told.cause,
        "title": title,
        "body": body,
        "page": told.page,
        "facts": facts,
        "created_at": now,
    }
    row = array_table("row", {"id": MESSAGES.c.id.type, "member_id": MESSAGES.c.member_id.type})
    into = func.coalesce(Member.joined_into_id, Member.id)
    whom = (
        select(row.c.id, into.label("member_id"))
        .join(Member, Member.id == row.c.member_id)
        .where(Member.status.in_((MemberStatus.ACTIVE, MemberStatus.JOINED)))
        .subquery()
    )
    selected = select(
        whom.c.id,
        whom.c.member_id,
        *(literal(value, MESSAGES.c[key].type) for key, value in same.items()),
    )
    if told.kind not in TRANSACTIONAL:
        muted = exists().where(Mute.member_id == whom.c.member_id, Mute.kind == told.kind)
        selected = selected.where(~muted)
    return (
        insert(MESSAGES).from_select(["id", "member_id", *same], selected).on_conflict_do_nothing()
    )


def _has_way(member_id: ColumnElement[UUID], template: MemberTemplate) -> ColumnElement[bool]:
    """Say whether the platform of the template might take a message to the member."""
    if template.platform is Platform.ALIPAY:
        return exists().where(Identity.member_id == member_id, Identity.platform == Platform.ALIPAY)
    return exists().where(
        and_(
            SubscribeGrant.member_id == member_id,
            SubscribeGrant.template_id == template.template_id,
            SubscribeGrant.status == GrantStatus.OPEN,
        )
    )
