"""Asking for codes of an invite, and keeping what the platforms made."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.sweep import is_due, lease, postpone, settle
from shop.posters import queries
from shop.posters.makers import CodeKind, Made
from shop.posters.models import PlatformCode
from shop.referral.models import Invite

# A link that ends soon is made anew when somebody looks; where nobody looks, none is.
RENEWED_BEFORE: Final = timedelta(days=3)
REFUSED_AGAIN_AFTER: Final = timedelta(hours=1)  # somebody has to set it right first


def want_codes(
    session: Session, invite_id: UUID, *, now: datetime
) -> Mapping[CodeKind, PlatformCode]:
    """Return what there is of the invite by its kind, and have the rest made soon."""
    found = {code.kind: code for code in queries.list_codes(session, invite_id)}
    missing = [kind for kind in CodeKind if kind not in found]
    if missing:
        rows = [
            {
                "id": new_id(),
                "invite_id": invite_id,
                "kind": kind,
                "attempts": 0,
                "due_at": now,
                "created_at": now,
            }
            for kind in missing
        ]
        # Two who look at the same moment ask once.
        session.execute(insert(PlatformCode).values(rows).on_conflict_do_nothing())
    for code in found.values():
        ends_soon = code.ends_at is not None and code.ends_at < now + RENEWED_BEFORE
        if ends_soon and code.due_at is None:
            code.due_at = now
    return {kind: code for kind, code in found.items() if queries.is_good(code, now=now)}


def take_code(session: Session, code_id: UUID, *, now: datetime) -> tuple[CodeKind, str] | None:
    """Take a due code for one call: its kind and the invite's code; None when it is not due."""
    code = _lock(session, code_id)
    if not is_due(code, now=now):
        return None
    lease(code, now=now)
    return code.kind, session.get_one(Invite, code.invite_id).code


def keep_code(session: Session, code_id: UUID, made: Made, *, now: datetime) -> None:
    """Keep what the platform made."""
    code = _lock(session, code_id)
    code.picture, code.url, code.ends_at, code.made_at = made.picture, made.url, made.ends_at, now
    code.attempts = 0
    settle(code)


def put_off(session: Session, code_id: UUID, why: str, *, is_refusal: bool, now: datetime) -> None:
    """Try again later; what there is goes on being shown."""
    postpone(_lock(session, code_id), why, now=now, by=REFUSED_AGAIN_AFTER if is_refusal else None)


def _lock(session: Session, code_id: UUID) -> PlatformCode:
    return session.get_one(PlatformCode, code_id, with_for_update=True, populate_existing=True)
