"""Taking out what is payable to me: asking, looking, cancelling."""

from typing import Final
from uuid import UUID

from flask import Response

from kit.money import Fen
from kit.pages import BadCursor
from miniprogram_api import idempotency
from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.answers import PageQuery
from miniprogram_api.schemas.withdrawals import (
    TermsOut,
    WithdrawalAnswer,
    WithdrawalIn,
    WithdrawalOut,
    WithdrawalRead,
    WithdrawalsPage,
)
from shop.members.queries import MemberNotActive
from shop.referral.commissions import EarnerChanged
from shop.referral.payouts import NotEnoughPayable
from shop.referral.queries import find_earnings
from shop.withdrawals import queries, service
from shop.withdrawals.models import SENT, Withdrawal
from shop.withdrawals.rules import AmountOutOfRange, DayLimitReached

LOOK_AGAIN_MS: Final = 2000
SAME: Final = (
    *("id", "channel", "status", "amount_fen", "fee_fen", "net_fen", "reason"),
    *("requested_at", "ended_at"),
)
TERMS: Final = tuple(TermsOut.model_fields)

blueprint = member_blueprint("withdrawals", tag="Referral")


@blueprint.post("/withdrawals")
@blueprint.input(WithdrawalIn)
@blueprint.output(WithdrawalAnswer, status_code=201)
@blueprint.doc(summary="Withdraw what is payable to me")
@idempotency.needs_key
@refuses(
    AmountOutOfRange,
    DayLimitReached,
    NotEnoughPayable,
    service.WithdrawalOpen,
    service.NoPayee,
    MemberNotActive,
)
def ask(json_data: WithdrawalIn) -> Response:
    """It is set apart at once and sent in the background; one at a time."""
    who, now = caller().member_id, ports().clock()
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who, body=json_data, now=now)
        if earlier is not None:
            return earlier
        asked = service.request(
            session,
            ports().transfers[json_data.channel],
            member_id=who,
            amount_fen=Fen(json_data.amount_fen),
            terms=ports().withdrawal_terms,
            now=now,
        )
        answer = WithdrawalAnswer(withdrawal=view_withdrawal(asked))
        return idempotency.remember(session, member_id=who, answer=answer, status=201)


@blueprint.get("/withdrawals")
@blueprint.input(PageQuery, location="query")
@blueprint.output(WithdrawalsPage)
@blueprint.doc(summary="List my withdrawals, newest first")
@refuses(BadCursor)
def list_mine(query_data: PageQuery) -> Response:
    """And what I may withdraw at this moment."""
    who, now, terms = caller().member_id, ports().clock(), ports().withdrawal_terms
    with ports().begin() as session:
        page = queries.list_own(session, who, cursor=query_data.cursor, limit=query_data.limit)
        payable_fen = find_earnings(session, who).payable_fen
        today_fen = queries.sum_of_day(session, who, now=now)
    read = WithdrawalsPage(
        terms=TermsOut(**{name: getattr(terms, name) for name in TERMS}),
        payable_fen=payable_fen,
        left_today_fen=max(0, terms.daily_fen - today_fen),
        items=[view_withdrawal(withdrawal) for withdrawal in page.items],
        next_cursor=page.next_cursor,
        server_time=now,
        poll_after_ms=None,
    )
    return answer_read(read)


@blueprint.get("/withdrawals/<uuid:withdrawal_id>")
@blueprint.output(WithdrawalRead)
@blueprint.doc(summary="See a withdrawal of mine")
@refuses(queries.WithdrawalNotFound)
def see(withdrawal_id: UUID) -> Response:
    """With what the client needs for me to take it, while it waits for me."""
    with ports().begin() as session:
        found = queries.get_own(session, withdrawal_id, member_id=caller().member_id)
    read = WithdrawalRead(
        withdrawal=view_withdrawal(found),
        server_time=ports().clock(),
        poll_after_ms=LOOK_AGAIN_MS if found.due_at is not None else None,
    )
    return answer_read(read)


@blueprint.post("/withdrawals/<uuid:withdrawal_id>/cancel")
@blueprint.output(WithdrawalAnswer)
@blueprint.doc(summary="Cancel a withdrawal of mine")
@refuses(queries.WithdrawalNotFound, service.NotCancellable, EarnerChanged)
def cancel(withdrawal_id: UUID) -> WithdrawalAnswer:
    """At once while nothing was sent; later the platform takes it back if I have not taken it."""
    with ports().begin() as session:
        found = service.cancel(
            session, withdrawal_id, member_id=caller().member_id, now=ports().clock()
        )
        return WithdrawalAnswer(withdrawal=view_withdrawal(found))


def view_withdrawal(withdrawal: Withdrawal) -> WithdrawalOut:
    """Return a withdrawal as its member sees it."""
    params = None
    if withdrawal.package_info is not None and withdrawal.status in SENT:
        params = {
            "mchId": withdrawal.merchant_id,
            "appId": withdrawal.app_id,
            "package": withdrawal.package_info,
        }
    return WithdrawalOut(
        number=withdrawal.out_bill_no,
        params=params,
        can_cancel=withdrawal.ended_at is None and withdrawal.take_back is None,
        **{name: getattr(withdrawal, name) for name in SAME},
    )
