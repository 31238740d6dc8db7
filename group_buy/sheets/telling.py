"""What the members on a sheet and its leader hear of its end."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy.sheets import queries
from group_buy.sheets.models import EntryStatus
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.telling import Told


def tell_confirmed(session: Session, sheet_id: UUID, *, now: datetime) -> None:
    """Tell everybody whose entry is paid, and the leader."""
    _tell(session, sheet_id, NoticeKind.SHEET_CONFIRMED, EntryStatus.PAID, now=now)


def tell_failed(session: Session, sheet_id: UUID, *, now: datetime) -> None:
    """Tell everybody whose money goes back, and the leader."""
    _tell(session, sheet_id, NoticeKind.SHEET_FAILED, EntryStatus.RETURNED, now=now)


def _tell(
    session: Session, sheet_id: UUID, kind: NoticeKind, status: EntryStatus, *, now: datetime
) -> None:
    sheet = queries.get_sheet(session, sheet_id)
    entries = queries.list_entries(session, sheet_id, statuses=[status])
    told = Told(
        kind=kind,
        cause=f"sheet:{sheet_id}",
        page=f"pages/sheet/sheet?id={sheet_id}",
        campaign=sheet.title,
    )
    members = {entry.member_id for entry in entries} | {sheet.leader_id}
    telling.tell(session, told, sorted(members), now=now)
