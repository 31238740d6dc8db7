"""Rules of exports: limits, how long files are kept, and what a list may be narrowed by."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from kit.clock import business_date
from kit.errors import Conflict, Malformed
from shop.exports.models import Export, ExportFormat, ExportKind

MOST_ROWS: Final = 500_000
MOST_BYTES: Final = 100 * 1024 * 1024
MOST_KEPT_BYTES: Final = 2 * 1024 * 1024 * 1024  # of all files together
MOST_OPEN: Final = 5  # of one operator, not written yet
MOST_ATTEMPTS: Final = 5
KEPT_FOR: Final = timedelta(days=7)
CHUNK_BYTES: Final = 512 * 1024
PAGE_ROWS: Final = 1000  # read by one statement

_K = ExportKind
# By what each list is narrowed, as its address says; `since` and `until` are days in Shanghai.
FILTERS: Final[Mapping[ExportKind, frozenset[str]]] = {
    _K.ORDERS: frozenset({"status", "member", "campaign"}),
    _K.PAYMENTS: frozenset({"status", "channel"}),
    _K.REFUNDS: frozenset({"status"}),
    _K.STATEMENTS: frozenset({"member"}),
    _K.LEDGER: frozenset({"account"}),
    _K.AUDIT: frozenset({"actor", "action", "subject"}),
}
_IDS: Final = frozenset({"member", "campaign", "account"})
_DAYS: Final = ("since", "until")
_LONGEST: Final = 80


class BadExport(Malformed):
    """Which list, which kind of file or which days are meant makes no sense."""

    code = "exports.bad_export"
    title = "Say which list is exported, as what, and of which days"
    message = "请选择要导出的列表、格式和正确的日期"


class TooManyExports(Conflict):
    """The operator has as many waiting as anybody may have."""

    code = "exports.too_many"
    title = "Wait for the exports that are being written"
    message = "您已有多个导出任务在排队，请等待完成"


class NoRoom(Conflict):
    """All files together are as large as they may be."""

    code = "exports.no_room"
    title = "There is no room for more files; delete some"
    message = "导出文件已占满空间，请先删除不再需要的文件"


class NotReady(Conflict):
    """There is no file: it is not written yet, failed, or is deleted."""

    code = "exports.not_ready"
    title = "There is no file"
    message = "文件尚未生成或已删除"


def read_query(kind: ExportKind, given: Mapping[str, str]) -> dict[str, str]:
    """Return what narrows the list; as in the list, what makes no sense is as if absent.

    A day that is none raises `BadExport`: whoever typed it wants less than everything.
    """
    query = {
        name: given[name].strip()[:_LONGEST]
        for name in sorted(FILTERS[kind])
        if given.get(name, "").strip()
    }
    query = {name: text for name, text in query.items() if name not in _IDS or _is_id(text)}
    days = {name: _day(given[name]) for name in _DAYS if given.get(name, "").strip()}
    if len(days) == 2 and days["since"] > days["until"]:
        raise BadExport(reason="since is after until")
    return query | {name: day.isoformat() for name, day in days.items()}


def file_name_of(kind: ExportKind, file_format: ExportFormat, *, now: datetime) -> str:
    """Return what the file is called."""
    return f"{kind.value}-{business_date(now):%Y%m%d}.{file_format.value}"


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise BadExport(reason="a day is written as 2026-11-28") from None
    if not 2020 <= day.year <= 2100:
        raise BadExport(reason="there was nothing then")
    return day


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def state_of(export: Export) -> dict[str, object]:
    """Return what the audit log knows of an export."""
    return {
        "kind": export.kind.value,
        "format": export.format.value,
        "query": dict(export.query),
        "status": export.status.value,
        "rows": export.row_count,
    }
