"""What each kind of file holds: its columns, and how its rows are read a page at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from shop.exports import book_sources, order_sources
from shop.exports.cells import Cell
from shop.exports.models import ExportKind

# Reads the rows after a key, oldest first, each with its key; fewer than asked for are the last.
Read = Callable[..., Sequence[tuple[Any, Sequence[Cell]]]]


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file."""

    title: str
    headings: Sequence[str]
    read: Read


SOURCES: Final[Mapping[ExportKind, Source]] = {
    ExportKind.ORDERS: Source("订单", order_sources.ORDERS, order_sources.read_orders),
    ExportKind.PAYMENTS: Source("支付", order_sources.PAYMENTS, order_sources.read_payments),
    ExportKind.REFUNDS: Source("退款", order_sources.REFUNDS, order_sources.read_refunds),
    ExportKind.STATEMENTS: Source(
        "佣金明细", book_sources.STATEMENTS, book_sources.read_statements
    ),
    ExportKind.LEDGER: Source("账本分录", book_sources.LEDGER, book_sources.read_ledger),
    ExportKind.AUDIT: Source("审计日志", book_sources.AUDIT, book_sources.read_audit),
}


def read_rows(
    session: Session,
    kind: ExportKind,
    query: Mapping[str, str],
    *,
    after: Any,
    limit: int,
    asked_at: datetime,
) -> Sequence[tuple[Any, Sequence[Cell]]]:
    """Return the next rows of a file; nothing that came after it was asked for."""
    return SOURCES[kind].read(session, query, after=after, limit=limit, asked_at=asked_at)
