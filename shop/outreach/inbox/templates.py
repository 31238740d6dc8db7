"""Templates of platforms for messages to one member, as operators set them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.members.platforms import Platform
from shop.outreach.inbox.models import MemberTemplate, NoticeKind
from shop.outreach.inbox.wording import check_fields
from shop.outreach.texts import BadTemplate


def set_template(
    session: Session,
    kind: NoticeKind,
    platform: Platform,
    *,
    template_id: str,
    fields: Mapping[str, str],
    actor: str,
    now: datetime,
) -> MemberTemplate:
    """Have a platform carry a kind of message from now on; raises `BadTemplate`."""
    if not (1 <= len(template_id) <= 64 and template_id.isascii() and template_id.isprintable()):
        raise BadTemplate(reason="a template's id has up to 64 plain characters")
    check_fields(kind, fields)
    template = MemberTemplate(
        kind=kind,
        platform=platform,
        template_id=template_id,
        fields=dict(fields),
        changed_by=actor,
        changed_at=now,
    )
    return session.merge(template)


def list_templates(session: Session) -> Sequence[MemberTemplate]:
    """Return every template, by kind and platform."""
    return session.scalars(
        select(MemberTemplate).order_by(MemberTemplate.kind, MemberTemplate.platform)
    ).all()
