"""The ledger: the chart of accounts with balances, an account's days and entries, one transfer."""

from collections.abc import Callable
from uuid import UUID

from flask import render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from console import asked
from console import ledger_reading as reading
from console.door import make_room, may
from console.ledger_reading import AccountNotFound, name_of, signed
from console.ports import ports
from console.showing import yuan
from console.words import label
from shop.ledger.models import AccountKind, Transfer
from shop.operators.rules import Permission
from shop.orders.models import Order
from shop.payments.models import Payment, Refund
from shop.referral.models import CommissionEntry
from shop.reports import queries as reports
from shop.settlement.models import BillDay
from shop.withdrawals.models import Withdrawal

PAGE = 40
DAYS = 31

blueprint = make_room("ledger")


@blueprint.get("/ledger")
@may(Permission.MONEY)
def show() -> str:
    """Show every account with its balance of this moment, and whether the books add up."""
    with ports().begin() as session:
        lines = reading.chart(session)
        debits = sum(line.moved.debits_fen for line in lines)
        credits = sum(line.moved.credits_fen for line in lines)
        return render_template(
            "console/ledger.html",
            lines=lines,
            debits=debits,
            credits=credits,
            overdrawn=[line for line in lines if line.is_overdrawn],
            summed_at=reports.find_summed_at(session),
        )


@blueprint.get("/ledger/kinds/<kind>")
@may(Permission.MONEY)
def list_kind(kind: str) -> str:
    """Show the leaders' accounts of a kind."""
    if kind not in set(reading.LEADER_KINDS):
        raise AccountNotFound
    with ports().begin() as session:
        lines, following = reading.list_accounts(
            session, AccountKind(kind), before=asked.words_of("cursor"), most=PAGE
        )
        return render_template(
            "console/ledger_kind.html", kind=kind, lines=lines, following=following
        )


@blueprint.get("/ledger/accounts/<uuid:account_id>")
@may(Permission.MONEY)
def show_account(account_id: UUID) -> str:
    """Show an account: its balance, its days, its entries."""
    day = asked.day_of("day")
    with ports().begin() as session:
        account = reading.get_account(session, account_id)
        moved = reports.sum_accounts(session, [account.id]).get(account.id)
        entries, following = reading.list_entries(
            session, account, cursor=asked.cursor(), day=day, most=PAGE
        )
        return render_template(
            "console/ledger_account.html",
            account=account,
            name=name_of(account),
            name_of=name_of,
            moved=moved,
            balance=signed(account.kind, moved.debits_fen - moved.credits_fen) if moved else 0,
            days=reading.list_days(session, account, before=asked.day_of("before"), most=DAYS),
            most_days=DAYS,
            entries=entries,
            following=following,
            day=day,
        )


@blueprint.get("/ledger/transfers/<seq>")
@may(Permission.MONEY)
def show_transfer(seq: str) -> str:
    """Show one transfer and what it is about."""
    number = reading.as_seq(seq)
    if number is None:
        raise AccountNotFound
    with ports().begin() as session:
        found = session.get(Transfer, number)
        if found is None:
            raise AccountNotFound
        accounts = reading.accounts_of(session, [found])
        return render_template(
            "console/ledger_transfer.html",
            transfer=found,
            debit=accounts[found.debit_account_id],
            credit=accounts[found.credit_account_id],
            name_of=name_of,
            about=_about(session, found),
            order=session.get(Order, found.order_id) if found.order_id else None,
        )


def _about(session: Session, transfer: Transfer) -> list[tuple[str, str, str]]:
    """Return what caused it, as name, text and place; a place may be empty."""
    tell = _TELLERS.get(transfer.cause_kind)
    return [] if tell is None else tell(session, transfer.cause_id)


def _about_payment(session: Session, row_id: UUID) -> list[tuple[str, str, str]]:
    payment = session.get_one(Payment, row_id)
    return [(_("支付"), payment.out_trade_no, url_for("console_payments.show", payment_id=row_id))]


def _about_refund(session: Session, row_id: UUID) -> list[tuple[str, str, str]]:
    refund = session.get_one(Refund, row_id)
    place = url_for("console_payments.show", payment_id=refund.payment_id)
    why = f"{refund.out_refund_no} · {label('reason', refund.reason)}"
    return [(_("退款"), why, place)]


def _about_commission(session: Session, row_id: UUID) -> list[tuple[str, str, str]]:
    entry = session.get_one(CommissionEntry, row_id)
    found = [(_("团长"), str(entry.member_id)[-6:], "")]
    if entry.withdrawal_id is not None:
        found += _about_withdrawal(session, entry.withdrawal_id)
    return found


def _about_withdrawal(session: Session, row_id: UUID) -> list[tuple[str, str, str]]:
    withdrawal = session.get_one(Withdrawal, row_id)
    return [
        (_("提现"), withdrawal.out_bill_no, ""),
        (_("提现金额"), f"{yuan(withdrawal.amount_fen)} − {yuan(withdrawal.fee_fen)}", ""),
    ]


def _about_bill(session: Session, row_id: UUID) -> list[tuple[str, str, str]]:
    bill = session.get_one(BillDay, row_id)
    channel, day = bill.channel.value, bill.day.isoformat()
    place = url_for("console_reconciliation.show", channel=channel, day=day)
    return [(_("账单"), f"{label('channel', channel)} {day}", place)]


_TELLERS: dict[str, Callable[[Session, UUID], list[tuple[str, str, str]]]] = {
    "payment": _about_payment,
    "refund": _about_refund,
    "commission": _about_commission,
    "withdrawal": _about_withdrawal,
    "bill_day": _about_bill,
}
