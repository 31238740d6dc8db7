"""Rows of leaders' statements, of the ledger and of the audit log for files."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import Session, aliased

from shop.exports.cells import Row, masked, moment, network, text, yuan
from shop.exports.narrowing import next_rows, of_days
from shop.ledger.models import Account, Transfer
from shop.ledger.rules import HOUSE_ACCOUNTS
from shop.operators.models import OperatorAction
from shop.orders.models import Order
from shop.referral.models import Commission, CommissionEntry

STATEMENTS: Final = (
    "时间", "团长", "类型", "待结算（元）", "可提现（元）", "提现中（元）", "已付（元）",
    "欠款（元）", "订单号",
)  # fmt: skip
LEDGER: Final = (
    "序号", "时间", "借方", "贷方", "金额（元）", "原因", "分录", "原因编号", "订单号",
)  # fmt: skip
AUDIT: Final = (
    "时间", "操作员", "操作", "对象类型", "对象", "之前", "之后", "网络", "请求编号",
)  # fmt: skip
_HOUSE: Final = frozenset(HOUSE_ACCOUNTS)


def read_statements(
    session: Session,
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Sequence[tuple[UUID, Row]]:
    """Return the next lines of leaders' statements."""
    entry = CommissionEntry
    query = (
        select(entry, Order.order_no)
        .outerjoin(Commission, Commission.id == entry.commission_id)
        .outerjoin(Order, Order.id == Commission.order_id)
    )
    if "member" in given:
        query = query.where(entry.member_id == UUID(given["member"]))
    query = next_rows(query, entry.id, entry.at, given, after=after, limit=limit, asked_at=asked_at)
    return [(one.id, _statement_row(one, order_no)) for one, order_no in session.execute(query)]


def read_ledger(
    session: Session,
    given: Mapping[str, str],
    *,
    after: int | None,
    limit: int,
    asked_at: datetime,
) -> Sequence[tuple[int, Row]]:
    """Return the next transfers, of one account or of all."""
    debit, credit = aliased(Account), aliased(Account)
    numbers = _numbers(given, after=after, limit=limit, asked_at=asked_at)
    rows = session.execute(
        select(Transfer, debit, credit, Order.order_no)
        .join(debit, debit.id == Transfer.debit_account_id)
        .join(credit, credit.id == Transfer.credit_account_id)
        .outerjoin(Order, Order.id == Transfer.order_id)
        .where(Transfer.seq.in_(session.scalars(numbers).all()))
        .order_by(Transfer.seq)
    )
    return [(row[0].seq, _transfer_row(*row)) for row in rows]


def read_audit(
    session: Session,
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Sequence[tuple[UUID, Row]]:
    """Return the next deeds of operators."""
    query = select(OperatorAction)
    for name in ("actor", "action", "subject"):
        if name in given:
            query = query.where(getattr(OperatorAction, name) == given[name])
    key, at = OperatorAction.id, OperatorAction.at
    query = next_rows(query, key, at, given, after=after, limit=limit, asked_at=asked_at)
    return [(deed.id, _deed_row(deed)) for deed in session.scalars(query)]


def _numbers(
    given: Mapping[str, str], *, after: int | None, limit: int, asked_at: datetime
) -> Select[Any]:
    """Select the numbers of the next transfers; each side of an account by its own index."""

    def of(*sides: Any) -> Select[Any]:
        wanted = [*of_days(Transfer.at, given, asked_at=asked_at), *sides]
        if after is not None:
            wanted.append(Transfer.seq > after)
        return select(Transfer.seq).where(*wanted).order_by(Transfer.seq).limit(limit)

    if "account" not in given:
        return of()
    account = UUID(given["account"])
    both = union_all(
        of(Transfer.debit_account_id == account), of(Transfer.credit_account_id == account)
    ).subquery()
    return select(both.c.seq).order_by(both.c.seq).limit(limit)


def _statement_row(entry: CommissionEntry, order_no: str | None) -> Row:
    return (
        moment(entry.at),
        masked(entry.member_id),
        entry.kind.value,
        yuan(entry.pending_fen),
        yuan(entry.payable_fen),
        yuan(entry.withdrawing_fen),
        yuan(entry.paid_fen),
        yuan(entry.debt_fen),
        text(order_no),
    )


def _transfer_row(one: Transfer, debit: Account, credit: Account, order_no: str | None) -> Row:
    return (
        one.seq,
        moment(one.at),
        text(_name(debit)),
        text(_name(credit)),
        yuan(one.amount_fen),
        text(one.cause_kind),
        text(one.leg),
        str(one.cause_id),
        text(order_no),
    )


def _name(account: Account) -> str:
    """Return what the account is called; whose it is, if it is a leader's, is masked."""
    is_house = (account.kind, account.owner) in _HOUSE
    owner = account.owner if is_house else masked(account.owner)
    return f"{account.kind.value} {owner}".strip()


def _deed_row(deed: OperatorAction) -> Row:
    return (
        moment(deed.at),
        text(deed.actor),
        text(deed.action),
        text(deed.subject_kind),
        text(deed.subject),
        text(_state(deed.before)),
        text(_state(deed.after)),
        text(network(deed.address)),
        text(deed.request_id),
    )


def _state(state: Mapping[str, Any] | None) -> str:
    return "" if state is None else json.dumps(state, ensure_ascii=False, sort_keys=True)
