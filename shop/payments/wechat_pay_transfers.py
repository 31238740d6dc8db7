"""Merchant transfers of WeChat Pay (商家转账), which the person confirms in the mini-program."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from kit.money import Fen
from kit.retry import try_again_once
from shop.payments.answers import must_echo, our_number, read_answer
from shop.payments.gateway import Channel, Refused, ResultUnknown
from shop.payments.reading import number_of
from shop.payments.transfer_gateway import TransferNotice, TransferResult, TransferState
from shop.payments.wechat_pay_client import PayClient
from shop.payments.wechat_pay_facts import transfer_in
from shop.payments.wechat_pay_notices import read_transfer

UNKNOWN_THERE: Final = frozenset({"NOT_FOUND", "RESOURCE_NOT_EXISTS", "ORDER_NOT_EXIST"})
# The scene must be the money's real use, and wants these two reports (佣金报酬).
SCENE_ID: Final = "1005"
REPORTS: Final = (
    {"info_type": "岗位类型", "info_content": "团长"},
    {"info_type": "报酬说明", "info_content": "推广佣金"},
)
REMARK: Final = "推广佣金"
FRESH_WITHIN: Final = timedelta(minutes=5)


class WechatPayTransfers:
    """One merchant and one mini-program at WeChat Pay; a `TransferGateway`."""

    def __init__(self, client: PayClient, *, app_id: str, mch_id: str, notify_url: str) -> None:
        """Share the client of payments; notices about transfers go to `notify_url`."""
        self._client = client
        self._app_id = app_id
        self._mch_id = mch_id
        self._notify_url = notify_url

    @property
    def channel(self) -> Channel:
        """WeChat Pay."""
        return Channel.WECHAT_PAY

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._app_id

    @property
    def merchant_id(self) -> str:
        """The merchant number."""
        return self._mch_id

    def send(self, *, out_bill_no: str, amount_fen: Fen, payee_ref: str) -> TransferResult:
        """Ask for a transfer, or for what the client needs of one that waits for its person."""
        number = our_number(out_bill_no)
        # Everything is passed by name: the library would fill in the address of payments.
        _, answer = self._client.mch_transfer_bills(
            out_bill_no=number,
            transfer_scene_id=SCENE_ID,
            openid=payee_ref,
            transfer_amount=int(amount_fen),
            transfer_remark=REMARK,
            transfer_scene_report_infos=[dict(report) for report in REPORTS],
            appid=self._app_id,
            notify_url=self._notify_url,
        )
        result = read_answer(
            lambda: transfer_in(answer | {"mch_id": self._mch_id}, has_amount=False)
        )
        must_echo((result.out_bill_no, number))
        return result

    def query(self, *, out_bill_no: str) -> TransferResult:
        """Ask how a transfer stands."""
        number = our_number(out_bill_no)
        try:
            _, answer = try_again_once(
                lambda: self._client.mch_transfer_bills_query(out_bill_no=number),
                on=(ResultUnknown,),
            )
        except Refused as exc:
            if exc.code in UNKNOWN_THERE:
                return self._missing(number)
            raise
        result = read_answer(lambda: transfer_in(answer))
        must_echo((result.out_bill_no, number), (result.merchant_id, self._mch_id))
        return result

    def cancel(self, *, out_bill_no: str) -> None:
        """Take a transfer back; the platform says later that it is done."""
        number = our_number(out_bill_no)
        _, answer = self._client.mch_transfer_bills_cancel(out_bill_no=number)
        must_echo((read_answer(lambda: number_of(answer, "out_bill_no")), number))

    def read_notice(
        self, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> TransferNotice:
        """Authenticate, decrypt and read a notice."""
        return read_transfer(
            self._client,
            headers=headers,
            body=body,
            now=now,
            mch_id=self._mch_id,
            fresh_within=FRESH_WITHIN,
        )

    def _missing(self, number: str) -> TransferResult:
        return TransferResult(
            channel=Channel.WECHAT_PAY,
            merchant_id=self._mch_id,
            out_bill_no=number,
            state=TransferState.MISSING,
            amount_fen=None,
            platform_no=None,
        )
