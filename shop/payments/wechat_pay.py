"""WeChat Pay v3 for a direct merchant: trades, refunds, notices and bills of the mini-program."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from kit.clock import SHANGHAI
from kit.crypto import new_token
from kit.money import Fen
from kit.retry import try_again_once
from kit.throttle import Throttle
from shop.payments import wechat_pay_bills, wechat_pay_notices
from shop.payments.answers import Party, must_echo, our_number, read_answer
from shop.payments.gateway import (
    AlreadyClosed,
    Bill,
    Channel,
    GatewayError,
    Notice,
    Prepay,
    RefundResult,
    RefundState,
    Refused,
    ResultUnknown,
    Trade,
)
from shop.payments.reading import clean, text_of
from shop.payments.wechat_pay_client import MerchantKeys, PayClient
from shop.payments.wechat_pay_facts import refund_in, trade_in

DESCRIPTION_BYTES: Final = 127
REASON_BYTES: Final = 80
UNKNOWN_THERE: Final = frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"})
# The platform wants the end at least a minute ahead when a trade is opened, and a repeat must
# name the same end; so it lies this long after ours, and closing at ours is the shop's own act.
GRACE: Final = timedelta(seconds=90)


# The platform allows so many refunds a second, and far fewer that it refuses.
REFUNDS_PER_SECOND: Final = 150
REFUSED_REFUNDS_PER_SECOND: Final = 6


class WechatPayGateway:
    """One merchant and one mini-program at WeChat Pay; a `PaymentGateway`."""

    def __init__(
        self,
        *,
        app_id: str,
        mch_id: str,
        merchant_serial: str,
        merchant_private_key_pem: str,
        api_v3_key: str,
        public_key_id: str,
        public_key_pem: str,
        base_url: str,
        notify_url: str,
        refund_notify_url: str,
        timeout_seconds: float,
        other_public_keys: Mapping[str, str] | None = None,
        fresh_within: timedelta = timedelta(minutes=5),
    ) -> None:
        """Load the keys; raises `ValueError` for a bad one. Nothing is called.

        `other_public_keys` are accepted too, by their ids, while WeChat Pay replaces its key.
        """
        self._party = Party(Channel.WECHAT_PAY, app_id, mch_id)
        self._refunds = Throttle(
            per_second=REFUNDS_PER_SECOND, slow_per_second=REFUSED_REFUNDS_PER_SECOND
        )
        self._refund_notify_url = refund_notify_url
        self._fresh_within = fresh_within
        keys = MerchantKeys(
            app_id=app_id,
            mch_id=mch_id,
            merchant_serial=merchant_serial,
            merchant_private_key_pem=merchant_private_key_pem,
            api_v3_key=api_v3_key,
            public_keys={public_key_id: public_key_pem, **(other_public_keys or {})},
        )
        self._client = PayClient(
            keys, base_url=base_url, notify_url=notify_url, timeout_seconds=timeout_seconds
        )

    @property
    def channel(self) -> Channel:
        """WeChat Pay."""
        return Channel.WECHAT_PAY

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._party.app_id

    @property
    def merchant_id(self) -> str:
        """The merchant number."""
        return self._party.merchant_id

    @property
    def client(self) -> PayClient:
        """The client, for what else the merchant does at WeChat Pay."""
        return self._client

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
        """Open a trade and sign what `wx.requestPayment` takes."""
        ends_at = (expires_at + GRACE).astimezone(SHANGHAI)
        _, answer = self._client.pay(
            description=clean(description, most_bytes=DESCRIPTION_BYTES),
            out_trade_no=our_number(out_trade_no),
            amount={"total": int(amount_fen), "currency": "CNY"},
            payer={"openid": payer_ref},
            time_expire=ends_at.isoformat(timespec="seconds"),
        )
        prepay_id = read_answer(lambda: text_of(answer, "prepay_id"))
        return Prepay(prepay_id, self._payment_params(prepay_id, now))

    def query(self, *, out_trade_no: str) -> Trade:
        """Ask how a trade stands."""
        number = our_number(out_trade_no)
        try:
            _, answer = try_again_once(
                lambda: self._client.query(out_trade_no=number), on=(ResultUnknown,)
            )
        except Refused as exc:
            if exc.code in UNKNOWN_THERE:
                return self._party.missing_trade(number)
            raise
        trade = read_answer(lambda: trade_in(answer))
        must_echo(
            (trade.app_id, self._party.app_id),
            (trade.merchant_id, self._party.merchant_id),
            (trade.out_trade_no, number),
        )
        return trade

    def close(self, *, out_trade_no: str) -> None:
        """Close an unpaid trade."""
        try:
            self._client.close(our_number(out_trade_no))
        except AlreadyClosed:
            return
        except Refused as exc:
            if exc.code not in UNKNOWN_THERE:
                raise

    def refund(
        self,
        *,
        out_trade_no: str,
        out_refund_no: str,
        refund_fen: Fen,
        total_fen: Fen,
        reason: str,
    ) -> RefundResult:
        """Ask for a refund when its turn has come; accepting it is not yet the money's way back."""
        wish = {
            "out_refund_no": our_number(out_refund_no),
            "amount": {"refund": int(refund_fen), "total": int(total_fen), "currency": "CNY"},
            "out_trade_no": our_number(out_trade_no),
            "reason": clean(reason, most_bytes=REASON_BYTES),
            # Without an address of its own, the library sends that of payments.
            "notify_url": self._refund_notify_url,
        }
        _, answer = self._refunds.run(lambda: self._client.refund(**wish), slow_on=(GatewayError,))
        result = read_answer(lambda: refund_in(answer, merchant_id=self._party.merchant_id))
        told_total = answer["amount"]["total"]
        must_echo(
            (result.out_trade_no, out_trade_no),
            (result.out_refund_no, out_refund_no),
            (result.amount_fen, refund_fen),
            (told_total, total_fen),
        )
        return result

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Ask how a refund stands."""
        number = our_number(out_refund_no)
        try:
            _, answer = try_again_once(
                lambda: self._client.query_refund(number), on=(ResultUnknown,)
            )
        except Refused as exc:
            if exc.code in UNKNOWN_THERE:
                return self._party.refund(out_trade_no, number, RefundState.MISSING)
            raise
        result = read_answer(lambda: refund_in(answer, merchant_id=self._party.merchant_id))
        must_echo((result.out_trade_no, out_trade_no), (result.out_refund_no, number))
        return result

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Authenticate, decrypt and read a notice."""
        return wechat_pay_notices.read(
            self._client,
            headers=headers,
            body=body,
            now=now,
            app_id=self._party.app_id,
            mch_id=self._party.merchant_id,
            fresh_within=self._fresh_within,
        )

    def download_bill(self, *, day: date) -> Bill:
        """Download the day's trade bill."""
        return wechat_pay_bills.download(self._client, day=day, mch_id=self._party.merchant_id)

    def _payment_params(self, prepay_id: str, now: datetime) -> Mapping[str, str]:
        params = {
            "timeStamp": str(int(now.timestamp())),
            "nonceStr": new_token()[:32],
            "package": f"prepay_id={prepay_id}",
            "signType": "RSA",
        }
        signed = [self._party.app_id, params["timeStamp"], params["nonceStr"], params["package"]]
        return params | {"paySign": self._client.sign(signed)}
