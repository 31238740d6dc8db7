"""Every kind of trouble at a platform has its name at the gateway, and repeating it is safe."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.clock import business_date, monotonic_seconds
from shop.payments.gateway import (
    Busy,
    Channel,
    NoticeRejected,
    RefundState,
    ResultUnknown,
    TradeState,
)
from tests.contracts.contract import AMOUNT, Contract

BUSY = {
    Channel.WECHAT_PAY: {"code": "FREQUENCY_LIMITED", "status": 429},
    Channel.ALIPAY: {"code": "isv.app-call-limited"},
}
UNSURE = {
    Channel.WECHAT_PAY: {"code": "SYSTEM_ERROR", "status": 500},
    Channel.ALIPAY: {"code": "ACQ.SYSTEM_ERROR"},
}
LOST = ["drop", "timeout_after_acting", "bad_signature"]


def call_of(contract: Contract, name: str) -> Callable[[], Any]:
    """Return one call of the gateway on a trade of its own, repeatable as it is."""
    gateway = contract.gateway
    if name in ("prepay", "close"):
        number = contract.number()
        if name == "prepay":
            return lambda: contract.prepay(number)
        contract.prepay(number)
        return lambda: gateway.close(out_trade_no=number)
    paid, refund_no = contract.paid(), contract.number("R")
    if name == "query":
        return lambda: gateway.query(out_trade_no=paid)
    if name == "refund":
        return lambda: contract.refund(paid, refund_no, 50)
    if name == "query_refund":
        contract.refund(paid, refund_no, 50)
        return lambda: gateway.query_refund(out_trade_no=paid, out_refund_no=refund_no)
    contract.sandbox.post("bills", {"available": "now"})
    return lambda: gateway.download_bill(day=business_date(datetime.now(UTC)))


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("name", ["prepay", "close", "refund"])
def test_a34_a_lost_answer_to_a_write_is_unknown_and_repeating_it_is_safe(
    contract: Contract, name: str, kind: str
) -> None:
    call = call_of(contract, name)
    contract.fault(name, kind, delay_seconds=0.05)
    with pytest.raises(ResultUnknown):
        call()
    call()


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("name", ["query", "query_refund", "bill"])
def test_a_lost_answer_to_a_read_is_asked_for_once_more(
    contract: Contract, name: str, kind: str
) -> None:
    call = call_of(contract, name)
    contract.fault(name, kind, delay_seconds=0.05)
    call()
    contract.fault(name, kind, times=2, delay_seconds=0.05)
    with pytest.raises(ResultUnknown):
        call()
    call()


def test_refunds_slow_down_after_a_complaint(contract: Contract) -> None:
    refund = call_of(contract, "refund")
    contract.fault("refund", "error", **BUSY[contract.channel])
    asked_at = monotonic_seconds()
    with pytest.raises(Busy):
        refund()
    refund()
    assert monotonic_seconds() - asked_at >= 1 / 6


@pytest.mark.parametrize("name", ["prepay", "query", "close", "refund", "query_refund", "bill"])
def test_busy_and_unsure_are_told_apart(contract: Contract, name: str) -> None:
    call = call_of(contract, name)
    contract.fault(name, "error", **BUSY[contract.channel])
    with pytest.raises(Busy):
        call()
    contract.fault(name, "error", times=2, **UNSURE[contract.channel])
    with pytest.raises(ResultUnknown):
        call()
    contract.sandbox.post("settings", {})  # the sandbox is still there
    call_of(contract, name)


@pytest.mark.parametrize("name", ["prepay", "query", "close", "refund", "query_refund", "bill"])
def test_slow_and_doubled_calls_do_no_harm(contract: Contract, name: str) -> None:
    call = call_of(contract, name)
    contract.fault(name, "delay", delay_seconds=0.2)
    call()
    contract.fault(name, "duplicate")
    call()


def test_a_silent_platform_is_unknown_within_the_timeout(contract: Contract) -> None:
    number = contract.number()
    contract.fault("prepay", "timeout_after_acting", delay_seconds=2)
    patient, contract.gateway = contract.gateway, contract.another_gateway(timeout_seconds=0.5)
    with pytest.raises(ResultUnknown):
        contract.prepay(number)
    contract.gateway = patient
    contract.pay(contract.prepay(number))
    assert contract.gateway.query(out_trade_no=number).state is TradeState.PAID


def test_a29_a_wrong_amount_in_a_query_is_told_as_it_came(contract: Contract) -> None:
    number = contract.paid()
    contract.fault("query", "wrong_amount")
    told = contract.gateway.query(out_trade_no=number)
    assert told.total_fen == AMOUNT + 1, "the caller compares it with what was written down"


def test_a29_a_wrong_amount_in_a_refund_is_unknown(contract: Contract) -> None:
    number, refund_no = contract.paid(), contract.number("R")
    contract.fault("refund", "wrong_amount", delta_fen=2000)
    with pytest.raises(ResultUnknown):
        contract.refund(number, refund_no, 50)
    contract.eventually(
        lambda: (
            contract.gateway.query_refund(out_trade_no=number, out_refund_no=refund_no).state
            is RefundState.DONE
        )
    )


def test_a07_a_notice_sent_twice_has_one_id(contract: Contract) -> None:
    contract.fault("notice", "duplicate")
    contract.paid()
    first, second = (contract.read(asked) for asked in contract.notices(2))
    assert first.notice_id == second.notice_id
    assert first.trade == second.trade


def test_a02_a_notice_with_a_wrong_signature_is_refused(contract: Contract) -> None:
    contract.fault("notice", "bad_signature")
    contract.paid()
    with pytest.raises(NoticeRejected) as rejected:
        contract.read(contract.notices(1)[0])
    assert rejected.value.reason == "bad_signature"


def test_a10_a_notice_with_a_wrong_amount_tells_it(contract: Contract) -> None:
    contract.fault("notice", "wrong_amount")
    contract.paid()
    notice = contract.read(contract.notices(1)[0])
    assert notice.trade is not None
    assert notice.trade.total_fen == AMOUNT + 1


def test_a23_a_notice_that_never_comes_is_made_up_for_by_a_query(contract: Contract) -> None:
    contract.fault("notice", "drop", times=20)
    number = contract.paid()
    assert contract.gateway.query(out_trade_no=number).state is TradeState.PAID
    assert contract.receiver.asked == []


def test_a105_a_bill_that_does_not_fit_itself_is_unknown(contract: Contract) -> None:
    call = call_of(contract, "bill")
    contract.fault("bill_file", "bad_signature")
    with pytest.raises(ResultUnknown):
        call()
    assert call().rows
