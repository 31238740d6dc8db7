"""Sending withdrawals and asking about them: between two short transactions, under one number."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import Conflict
from kit.lifecycle import move
from kit.retry import delay_after
from kit.sweep import is_due, lease, postpone
from shop.members import queries as members
from shop.payments import service as payments
from shop.payments.gateway import Channel, GatewayError, Refused, ResultUnknown
from shop.payments.transfer_gateway import TransferGateway, TransferResult, TransferState
from shop.withdrawals import queries, service
from shop.withdrawals.models import SENT, Withdrawal, WithdrawalStatus
from shop.withdrawals.rules import (
    LONGEST_SILENCE,
    REFUSALS_BEFORE_FAILED,
    UNSURE_FOR,
    is_final,
)

log = logging.getLogger(__name__)

S = WithdrawalStatus
T = TransferState
Gateways = Mapping[Channel, TransferGateway]
OTHER_NAMES: Final = "withdrawal.other_names"
ENDS: Final = {T.FAILED: S.FAILED, T.CANCELLED: S.CANCELLED}


class TransferMismatch(Conflict):
    """The platform tells of a transfer that is not ours, or not as we have it."""

    code = "withdrawals.transfer_mismatch"
    title = "The transfer is not as it was asked for"
    message = "转账信息不一致"


@dataclass(frozen=True, slots=True)
class _Leased:
    """A withdrawal for the length of some calls, and what was not known before them."""

    withdrawal: Withdrawal
    unsure_at: datetime | None
    is_first: bool  # nothing was ever sent under its number

    def is_ours(self, now: Withdrawal) -> bool:
        """Say whether nobody took it since: whoever did may be sending it at this moment."""
        return now.status in SENT and now.attempts == self.withdrawal.attempts


def send_or_ask(begin: Begin, gateways: Gateways, withdrawal_id: UUID, *, now: datetime) -> None:
    """Bring a due withdrawal a step further: send what the platform lacks, else ask."""
    with begin() as session:
        leased = _lease(session, gateways, withdrawal_id, now=now)
    if leased is None:
        return
    try:
        result = _exchange(gateways[leased.withdrawal.channel], leased)
    except GatewayError as exc:
        with begin() as session:
            _note_failure(session, leased, exc, now=now)
        return
    try:
        with begin() as session:
            if result.state is T.MISSING:
                _note_missing(session, leased, now=now)
            else:
                record_transfer(session, result, now=now)
    except TransferMismatch as exc:
        with begin() as session:
            _note_mismatch(session, leased, exc, now=now)


def record_transfer(session: Session, result: TransferResult, *, now: datetime) -> bool:
    """Apply what a platform tells of a transfer once; return whether it changed anything.

    Raises `TransferMismatch`, or `EarnerChanged` while the news of a joining is on its way.
    """
    found = queries.find_by_number(session, result.out_bill_no)
    if found is None:
        raise TransferMismatch(fields=["out_bill_no"])
    earnings, withdrawal = queries.lock_withdrawal(session, found.id)
    if (result.channel, result.merchant_id) != (withdrawal.channel, withdrawal.merchant_id):
        raise TransferMismatch(fields=["merchant_id"])
    if result.amount_fen not in (None, withdrawal.net_fen):
        raise TransferMismatch(fields=["amount_fen"])
    if withdrawal.status not in SENT:
        _check_end(withdrawal, result)
        return False
    if result.state is T.DONE:
        service.pay(session, earnings, withdrawal, platform_no=result.platform_no, now=now)
    elif result.state in ENDS:
        why = result.reason or (withdrawal.take_back or result.state).value
        to = ENDS[result.state]
        service.end(session, earnings, withdrawal, to, why=why, actor="platform", now=now)
    else:
        _note_progress(session, withdrawal, result, now=now)
    return True


def _check_end(withdrawal: Withdrawal, result: TransferResult) -> None:
    """Nothing can be known of what was not sent, and what ended ended for good."""
    is_over = result.state is T.DONE or result.state in ENDS
    is_paid = withdrawal.status is S.PAID
    if withdrawal.ended_at is None or (is_over and (result.state is T.DONE) != is_paid):
        raise TransferMismatch(fields=["state"])


def _lease(
    session: Session, gateways: Gateways, withdrawal_id: UUID, *, now: datetime
) -> _Leased | None:
    earnings, withdrawal = queries.lock_withdrawal(session, withdrawal_id)
    if not is_due(withdrawal, now=now):
        return None
    is_first = withdrawal.status is S.APPROVED
    service.note_debt(session, earnings, withdrawal, now=now)
    gateway = gateways[withdrawal.channel]
    if not _has_our_names(session, withdrawal, gateway, now=now):
        return None
    if is_first:
        if withdrawal.take_back is not None:
            why = withdrawal.take_back.value
            service.end(session, earnings, withdrawal, S.CANCELLED, why=why, actor="rules", now=now)
            return None
        payee_ref = service.find_payee(session, withdrawal.member_id, gateway)
        if payee_ref is None:
            if members.get_member(session, withdrawal.member_id).joined_into_id is not None:
                # The news that hands it to whom they became part of is on its way.
                postpone(withdrawal, "the member was joined to another", now=now)
                return None
            why = service.NoPayee.code
            service.end(session, earnings, withdrawal, S.FAILED, why=why, actor="rules", now=now)
            return None
        move(session, withdrawal, S.SENDING, at=now, actor="scheduler")
        withdrawal.payee_ref, withdrawal.sent_at = payee_ref, now
    unsure_at = withdrawal.unsure_at
    if withdrawal.status is S.SENDING:
        withdrawal.unsure_at = now
    lease(withdrawal, now=now)
    return _Leased(withdrawal, unsure_at, is_first)


def _has_our_names(
    session: Session, withdrawal: Withdrawal, gateway: TransferGateway, *, now: datetime
) -> bool:
    """Say whether application and merchant are those it would be sent by, as now set up.

    Until it was sent they are put right. Another merchant knows nothing of what was sent, and
    would pay it a second time: so it waits for a person, who is told once.
    """
    ours = gateway.app_id, gateway.merchant_id
    if (withdrawal.app_id, withdrawal.merchant_id) == ours:
        return True
    if withdrawal.status is S.APPROVED:
        withdrawal.app_id, withdrawal.merchant_id = ours
        return True
    if withdrawal.last_error != OTHER_NAMES:
        payments.note_security_event(
            session,
            kind=OTHER_NAMES,
            subject=withdrawal.out_bill_no,
            detail={"app_id": withdrawal.app_id, "merchant_id": withdrawal.merchant_id},
            now=now,
        )
    postpone(withdrawal, OTHER_NAMES, now=now, by=LONGEST_SILENCE)
    return False


def _exchange(gateway: TransferGateway, leased: _Leased) -> TransferResult:
    """Ask first unless nothing was ever sent; send what the platform lacks, or tells half of."""
    withdrawal = leased.withdrawal
    number, wants_back = withdrawal.out_bill_no, withdrawal.take_back is not None
    if not leased.is_first:
        result = _ask(gateway, number)
        if wants_back and result.state is T.AWAITING_USER:
            _take_back(gateway, number)
            result = _ask(gateway, number)
        # A query does not tell what the client needs; the same request again does.
        is_half = result.state is T.AWAITING_USER and withdrawal.package_info is None
        if wants_back or not (is_half or result.state is T.MISSING):
            return result
    try:
        return gateway.send(
            out_bill_no=number,
            amount_fen=withdrawal.net_fen,
            payee_ref=withdrawal.payee_ref or "",
        )
    except Refused:
        result = _ask(gateway, number)
        if result.state is not T.MISSING:
            return result
        raise


def _ask(gateway: TransferGateway, number: str) -> TransferResult:
    """A refused question says nothing about the transfer."""
    try:
        return gateway.query(out_bill_no=number)
    except Refused as exc:
        raise ResultUnknown("the question was refused", code=exc.code) from None


def _take_back(gateway: TransferGateway, number: str) -> None:
    try:
        gateway.cancel(out_bill_no=number)
    except Refused:
        return  # too late, or in the making: the question that follows tells


def _note_failure(
    session: Session, leased: _Leased, failure: GatewayError, *, now: datetime
) -> None:
    earnings, withdrawal = queries.lock_withdrawal(session, leased.withdrawal.id)
    if not leased.is_ours(withdrawal):
        return
    why = failure.code or type(failure).__name__
    if isinstance(failure, Refused):
        withdrawal.unsure_at = leased.unsure_at
        if not is_final(why):
            log.error(
                "a transfer is refused, and waits to be repaired",
                extra={"errcode": why, "number": withdrawal.out_bill_no},
            )
        elif withdrawal.attempts >= REFUSALS_BEFORE_FAILED and _is_surely_missing(
            withdrawal, now=now
        ):
            service.end(session, earnings, withdrawal, S.FAILED, why=why, actor="platform", now=now)
            return
    postpone(withdrawal, why, now=now)


def _note_missing(session: Session, leased: _Leased, *, now: datetime) -> None:
    """Nothing is there, and nothing was sent since it was asked for back."""
    earnings, withdrawal = queries.lock_withdrawal(session, leased.withdrawal.id)
    if not leased.is_ours(withdrawal):
        return
    withdrawal.unsure_at = leased.unsure_at
    if withdrawal.take_back is not None and _is_surely_missing(withdrawal, now=now):
        why = withdrawal.take_back.value
        service.end(session, earnings, withdrawal, S.CANCELLED, why=why, actor="rules", now=now)
    else:
        postpone(withdrawal, T.MISSING.value, now=now)


def _note_mismatch(
    session: Session, leased: _Leased, exc: TransferMismatch, *, now: datetime
) -> None:
    """An answer that contradicts is an alarm, and decides nothing."""
    payments.note_security_event(
        session,
        kind="withdrawal.mismatch",
        subject=leased.withdrawal.out_bill_no,
        detail=exc.details,
        now=now,
    )
    _, withdrawal = queries.lock_withdrawal(session, leased.withdrawal.id)
    if leased.is_ours(withdrawal):
        postpone(withdrawal, exc.code, now=now)


def _is_surely_missing(withdrawal: Withdrawal, *, now: datetime) -> bool:
    """Say whether no request can be on its way that the platform would still take.

    What it had once it cannot lack: then it is asked on.
    """
    if withdrawal.platform_no is not None:
        return False
    return withdrawal.unsure_at is None or now - withdrawal.unsure_at > UNSURE_FOR


def _note_progress(
    session: Session, withdrawal: Withdrawal, result: TransferResult, *, now: datetime
) -> None:
    withdrawal.platform_no = result.platform_no or withdrawal.platform_no
    withdrawal.unsure_at = None  # the platform has it
    if result.state is T.AWAITING_USER:
        withdrawal.package_info = result.package_info or withdrawal.package_info
        if withdrawal.status is S.SENDING:
            move(session, withdrawal, S.AWAITING_USER, at=now, actor="platform")
            withdrawal.attempts = 0
    by = min(delay_after(withdrawal.attempts), LONGEST_SILENCE)
    postpone(withdrawal, result.state.value, now=now, by=by)
