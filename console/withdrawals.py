"""Withdrawals: what waits for an operator's word, one of them end to end, and asking again."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import asked, stale
from console import campaign_reading as reading
from console.acting import acting
from console.door import make_room, may, operator
from console.ports import now, ports
from console.showing import yuan
from console.versions import version_of
from console.words import label
from kit.pages import read_page
from shop.ledger.models import Account, Transfer
from shop.operators import queries as operators
from shop.operators.rules import Permission
from shop.referral import queries as referral
from shop.referral.models import CommissionEntry
from shop.withdrawals import queries, service
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from shop.withdrawals.queries import WithdrawalNotFound

PAGE: Final = 30
S = WithdrawalStatus
OPEN: Final = (S.IN_REVIEW, S.APPROVED, S.SENDING, S.AWAITING_USER)
SHOWN_OF_PAYEE: Final = 4  # characters at the end of what a platform calls the leader

Act = Callable[[Session], Withdrawal]

blueprint = make_room("withdrawals")
stale.install(blueprint)


@blueprint.get("/withdrawals")
@may(Permission.WITHDRAWALS)
def list_all() -> str:
    """Show withdrawals, newest first; those that wait for an operator unless asked otherwise."""
    wants_all = request.args.get("status") == "all"
    status = None if wants_all else asked.choice_of(WithdrawalStatus, "status") or S.IN_REVIEW
    leader_id = asked.id_of("leader")
    with ports().begin() as session:
        query = select(Withdrawal)
        if status is not None:
            query = query.where(Withdrawal.status == status)
        if leader_id is not None:
            query = query.where(Withdrawal.member_id == leader_id)
        # What has ended grows without end, and is not counted.
        counts = session.execute(
            select(Withdrawal.status, func.count())
            .where(Withdrawal.status.in_(OPEN))
            .group_by(Withdrawal.status)
        )
        return render_template(
            "console/withdrawals.html",
            page=read_page(session, query, Withdrawal.id, cursor=asked.cursor(), limit=PAGE),
            status=status,
            leader_id=leader_id,
            statuses=[one for one in WithdrawalStatus if one is not S.REQUESTED],
            counts={found: int(count) for found, count in counts},
        )


@blueprint.get("/withdrawals/<uuid:withdrawal_id>")
@may(Permission.WITHDRAWALS)
def show(withdrawal_id: UUID) -> str:
    """Show one withdrawal: its leader's sums, its steps, and every fen of it in the books."""
    with ports().begin() as session:
        withdrawal = session.get(Withdrawal, withdrawal_id)
        if withdrawal is None:
            raise WithdrawalNotFound
        entries = select(CommissionEntry).where(CommissionEntry.withdrawal_id == withdrawal.id)
        payee = withdrawal.payee_ref
        return render_template(
            "console/withdrawal.html",
            withdrawal=withdrawal,
            payee=f"…{payee[-SHOWN_OF_PAYEE:]}" if payee else None,
            version=version_of(state_of(withdrawal)),
            earnings=referral.find_earnings(session, withdrawal.member_id),
            steps=reading.list_steps(session, withdrawal.id),
            entries=session.scalars(entries.order_by(CommissionEntry.id)).all(),
            postings=_list_postings(session, withdrawal.id),
            others=queries.list_own(session, withdrawal.member_id, limit=5).items,
            deeds_rows=operators.list_actions(session, subject=str(withdrawal.id), limit=20).items,
            now=now(),
        )


@blueprint.post("/withdrawals/<uuid:withdrawal_id>/approve")
@may(Permission.PAY_OUT)
def approve(withdrawal_id: UUID) -> Any:
    """Have one in review sent; it is cancelled instead if its leader owes by now."""
    at = now()
    return _change(
        withdrawal_id,
        "withdrawals.approve",
        lambda session: service.approve(session, withdrawal_id, actor=operator().name, now=at),
    )


@blueprint.post("/withdrawals/<uuid:withdrawal_id>/reject")
@may(Permission.PAY_OUT)
def reject(withdrawal_id: UUID) -> Any:
    """Give back what is in review; its leader reads why."""
    why, at = asked.reason(), now()
    return _change(
        withdrawal_id,
        "withdrawals.reject",
        lambda session: service.reject(
            session, withdrawal_id, why=why, actor=operator().name, now=at
        ),
        why=why,
    )


@blueprint.post("/withdrawals/<uuid:withdrawal_id>/ask-again")
@may(Permission.PAY_OUT)
def ask_again(withdrawal_id: UUID) -> Any:
    """Have the sweep ask the platform at once what became of it."""
    at = now()
    return _change(
        withdrawal_id,
        "withdrawals.ask_again",
        lambda session: service.ask_again(session, withdrawal_id, now=at),
    )


def state_of(withdrawal: Withdrawal) -> dict[str, Any]:
    """Return what the audit log and forms know of a withdrawal."""
    return {
        "status": withdrawal.status.value,
        "number": withdrawal.out_bill_no,
        "amount_fen": withdrawal.amount_fen,
        "take_back": withdrawal.take_back,
    }


def _change(withdrawal_id: UUID, action: str, act: Act, **more: str) -> Any:
    place = url_for("console_withdrawals.show", withdrawal_id=withdrawal_id)
    with acting(action, "withdrawal", str(withdrawal_id)) as deed:
        _earnings, withdrawal = queries.lock_withdrawal(deed.session, withdrawal_id)
        deed.before = state_of(withdrawal)
        stale.check_seen(place, deed.before, _shown(withdrawal))
        deed.after = {**state_of(act(deed.session)), **more}
    return redirect(place, code=303)


def _shown(withdrawal: Withdrawal) -> Mapping[str, str]:
    return {
        _("提现单号"): withdrawal.out_bill_no,
        _("状态"): label("withdrawal", withdrawal.status),
        _("金额"): yuan(withdrawal.amount_fen),
    }


def _list_postings(session: Session, withdrawal_id: UUID) -> list[tuple[Transfer, str, str]]:
    moved = session.scalars(
        select(Transfer)
        .where(Transfer.cause_kind == "withdrawal", Transfer.cause_id == withdrawal_id)
        .order_by(Transfer.seq)
    ).all()
    ids = {one.debit_account_id for one in moved} | {one.credit_account_id for one in moved}
    accounts = session.scalars(select(Account).where(Account.id.in_(ids)))
    names = {account.id: f"{account.kind.value} {account.owner}".strip() for account in accounts}
    return [(one, names[one.debit_account_id], names[one.credit_account_id]) for one in moved]
