"""Alipay for a merchant with a mini-program: trades, refunds, notices and bills."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan
from kit.outbound import OutboundSession
from kit.retry import try_again_once
from kit.throttle import Throttle
from shop.payments import alipay_bills, alipay_notices
from shop.payments.alipay_facts import refund_in, trade_in
from shop.payments.answers import Party, must_echo, our_number, read_answer
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Bill,
    Busy,
    Channel,
    GatewayError,
    Notice,
    Prepay,
    RefundResult,
    RefundState,
    Refused,
    ResultUnknown,
    Trade,
    TradeState,
)
from shop.payments.reading import (
    LOCAL_TIME,
    beijing_of,
    clean,
    number_of,
    yuan_of,
)

SUBJECT_BYTES: Final = 256
REASON_BYTES: Final = 256
REFUSED_CHARACTERS: Final = "/=&"
NOT_EXIST: Final = "ACQ.TRADE_NOT_EXIST"
PAID: Final = frozenset({"ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_FINISHED"})
CLOSED: Final = frozenset({"ACQ.TRADE_HAS_CLOSE"})
# Says that a trade is not waiting for its payer, and not whether it is paid or closed.
NOT_WAITING: Final = frozenset(
    {"ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS", "ACQ.TRADE_STATUS_ERROR"}
)
UNSURE: Final = frozenset({"ACQ.TRADE_SETTLE_ERROR"})
# As at WeChat Pay: the platform wants the end ahead of now, and a repeat must name the same end.
GRACE: Final = timedelta(seconds=90)


# The platform names no figure; it says when there are too many.
REFUNDS_PER_SECOND: Final = 100
REFUNDS_PER_SECOND_WHEN_BUSY: Final = 6


class AlipayGateway:
    """One merchant and one mini-program at Alipay; a `PaymentGateway`."""

    def __init__(
        self, api: AlipayApi, *, seller_id: str, notify_url: str, timeout_seconds: float
    ) -> None:
        """Keep the client; notices about payments and refunds go to the one `notify_url`."""
        self._api = api
        self._party = Party(Channel.ALIPAY, api.app_id, seller_id)
        self._notify_url = notify_url
        self._refunds = Throttle(
            per_second=REFUNDS_PER_SECOND, slow_per_second=REFUNDS_PER_SECOND_WHEN_BUSY
        )
        self._files = OutboundSession(timeout_seconds=timeout_seconds)

    @property
    def channel(self) -> Channel:
        """Alipay."""
        return Channel.ALIPAY

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._api.app_id

    @property
    def merchant_id(self) -> str:
        """The seller id."""
        return self._party.merchant_id

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: Fen,
        description: str,
        payer_ref: str,
        expires_at: datetime,
        now: datetime,
    ) -> Prepay:
        """Open a trade; its number is what `my.tradePay` takes."""
        ends_at = (expires_at + GRACE).astimezone(SHANGHAI)
        answer = self._call(
            "alipay.trade.create",
            {
                "out_trade_no": our_number(out_trade_no),
                "total_amount": to_yuan(amount_fen),
                "subject": clean(description, most_bytes=SUBJECT_BYTES, without=REFUSED_CHARACTERS),
                "product_code": "JSAPI_PAY",
                "op_app_id": self.app_id,
                "buyer_open_id": payer_ref,
                "time_expire": ends_at.strftime(LOCAL_TIME),
            },
            notify_url=self._notify_url,
        )
        trade_no = read_answer(lambda: number_of(answer, "trade_no"))
        must_echo((read_answer(lambda: number_of(answer, "out_trade_no")), out_trade_no))
        return Prepay(trade_no, {"tradeNO": trade_no})

    def query(self, *, out_trade_no: str) -> Trade:
        """Ask how a trade stands."""
        wish = {"out_trade_no": our_number(out_trade_no)}
        try:
            answer = try_again_once(
                lambda: self._call("alipay.trade.query", wish), on=(ResultUnknown,)
            )
        except Refused as exc:
            if exc.code == NOT_EXIST:
                return self._party.missing_trade(out_trade_no)
            raise
        trade = read_answer(
            lambda: trade_in(
                answer, app_id=self.app_id, seller_id=self._party.merchant_id, is_notice=False
            )
        )
        must_echo((trade.out_trade_no, out_trade_no))
        return trade

    def close(self, *, out_trade_no: str) -> None:
        """Close an unpaid trade; when it does not wait for its payer, a query tells why."""
        try:
            answer = self._call("alipay.trade.close", {"out_trade_no": our_number(out_trade_no)})
        except AlreadyClosed:
            return
        except Refused as exc:
            if exc.code == NOT_EXIST:
                return
            if exc.code not in NOT_WAITING:
                raise
            self._tell_why_not_waiting(out_trade_no)
            return
        must_echo((read_answer(lambda: number_of(answer, "out_trade_no")), out_trade_no))

    def refund(
        self,
        *,
        out_trade_no: str,
        out_refund_no: str,
        refund_fen: Fen,
        total_fen: Fen,
        reason: str,
    ) -> RefundResult:
        """Ask for a refund; only `fund_change` "Y" says that the money has moved."""
        wish = {
            "out_trade_no": our_number(out_trade_no),
            "out_request_no": our_number(out_refund_no),
            "refund_amount": to_yuan(refund_fen),
            "refund_reason": clean(reason, most_bytes=REASON_BYTES, without=REFUSED_CHARACTERS),
        }
        answer = self._refunds.run(
            lambda: self._call("alipay.trade.refund", wish, notify_url=self._notify_url),
            slow_on=(Busy,),
        )
        must_echo((read_answer(lambda: number_of(answer, "out_trade_no")), out_trade_no))
        if answer.get("fund_change") != "Y":
            return self._party.refund(
                out_trade_no, out_refund_no, RefundState.PROCESSING, amount_fen=refund_fen
            )
        return self._moved(answer, out_trade_no, out_refund_no, refund_fen, total_fen)

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Ask how a refund stands."""
        wish = {
            "out_trade_no": our_number(out_trade_no),
            "out_request_no": our_number(out_refund_no),
            "query_options": ["gmt_refund_pay"],
        }
        try:
            answer = try_again_once(
                lambda: self._call("alipay.trade.fastpay.refund.query", wish), on=(ResultUnknown,)
            )
        except Refused as exc:
            if exc.code == NOT_EXIST:
                return self._party.refund(out_trade_no, out_refund_no, RefundState.MISSING)
            raise
        if answer.get("refund_status") is None:
            # Success of the query alone says nothing about the refund.
            return self._party.refund(out_trade_no, out_refund_no, RefundState.MISSING)
        result = read_answer(lambda: refund_in(answer, seller_id=self._party.merchant_id))
        must_echo((result.out_trade_no, out_trade_no), (result.out_refund_no, out_refund_no))
        return result

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Authenticate and read a notice; Alipay signs the form alone, no header and no time."""
        return alipay_notices.read(self._api, body=body, seller_id=self._party.merchant_id)

    def download_bill(self, *, day: date) -> Bill:
        """Download the day's trade bill."""
        return alipay_bills.download(self._call, self._files, day=day, origin=self._api.origin)

    def _call(
        self, method: str, biz_content: Mapping[str, Any], *, notify_url: str | None = None
    ) -> Mapping[str, Any]:
        try:
            return self._api.call(method, biz_content, notify_url=notify_url)
        except AlipayNoAnswer as exc:
            raise ResultUnknown(str(exc), code=exc.code or "NO_ANSWER") from None
        except AlipayRefused as exc:
            raise _kind_of(exc) from None

    def _tell_why_not_waiting(self, out_trade_no: str) -> None:
        state = self.query(out_trade_no=out_trade_no).state
        if state in (TradeState.PAID, TradeState.REFUNDED):
            raise AlreadyPaid("paid already", code="ACQ.REASON_TRADE_STATUS_INVALID")
        if state is TradeState.NOT_PAID:
            raise ResultUnknown("neither closed nor paid", code="ACQ.REASON_TRADE_STATUS_INVALID")

    def _moved(
        self,
        answer: Mapping[str, Any],
        out_trade_no: str,
        out_refund_no: str,
        refund_fen: Fen,
        total_fen: Fen,
    ) -> RefundResult:
        """The answer tells the sum of all refunds of the trade; only a query tells this one's."""
        together = read_answer(lambda: yuan_of(answer, "refund_fee"))
        if together == refund_fen:
            at = read_answer(lambda: beijing_of(answer, "gmt_refund_pay"))
            return self._party.refund(
                out_trade_no, out_refund_no, RefundState.DONE, amount_fen=refund_fen, finished_at=at
            )
        if not refund_fen < together <= total_fen:
            raise ResultUnknown("the refunded sum cannot be", code="WRONG_ECHO")
        result = self.query_refund(out_trade_no=out_trade_no, out_refund_no=out_refund_no)
        must_echo((result.amount_fen, refund_fen))
        return result


def _kind_of(refusal: AlipayRefused) -> GatewayError:
    code = refusal.code
    if isinstance(refusal, AlipayBusy):
        return Busy("too many calls", code=code)
    if code in UNSURE:
        return ResultUnknown("the platform cannot tell", code=code)
    if code in PAID:
        return AlreadyPaid("paid already", code=code)
    if code in CLOSED:
        return AlreadyClosed("closed already", code=code)
    return Refused("refused", code=code)
