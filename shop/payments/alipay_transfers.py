"""Transfers of Alipay to one person's account (单笔转账), which arrive without their doing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.money import Fen, to_yuan
from kit.retry import try_again_once
from shop.payments.alipay_facts import transfer_in
from shop.payments.alipay_notices import read_transfer
from shop.payments.answers import must_echo, our_number, read_answer
from shop.payments.gateway import Busy, Channel, Refused, ResultUnknown
from shop.payments.transfer_gateway import TransferNotice, TransferResult, TransferState

NOT_EXIST: Final = "ORDER_NOT_EXIST"
UNSURE: Final = frozenset({"REQUEST_PROCESSING"})
PRODUCT: Final[Mapping[str, str]] = {
    "product_code": "TRANS_ACCOUNT_NO_PWD",
    "biz_scene": "DIRECT_TRANSFER",
}
# The scene must be the money's real use, and wants these two reports.
SCENE: Final = "佣金报酬"
REPORTS: Final = (
    {"info_type": "岗位类型", "info_content": "团长"},
    {"info_type": "报酬说明", "info_content": "推广佣金"},
)
TITLE: Final = "推广佣金"


class AlipayTransfers:
    """One merchant and one mini-program at Alipay; a `TransferGateway`."""

    def __init__(self, api: AlipayApi, *, seller_id: str) -> None:
        """Keep the client."""
        self._api = api
        self._seller_id = seller_id

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
        return self._seller_id

    def send(self, *, out_bill_no: str, amount_fen: Fen, payee_ref: str) -> TransferResult:
        """Ask for a transfer; mostly it has arrived when the answer comes."""
        number = our_number(out_bill_no)
        answer = self._call(
            "alipay.fund.trans.uni.transfer",
            {
                **PRODUCT,
                "out_biz_no": number,
                "trans_amount": to_yuan(amount_fen),
                "order_title": TITLE,
                "payee_info": {"identity": payee_ref, "identity_type": "ALIPAY_OPEN_ID"},
                "transfer_scene_name": SCENE,
                "transfer_scene_report_infos": [dict(report) for report in REPORTS],
            },
        )
        return self._result(answer, number, has_amount=False)

    def query(self, *, out_bill_no: str) -> TransferResult:
        """Ask how a transfer stands."""
        number = our_number(out_bill_no)
        wish = {**PRODUCT, "out_biz_no": number}
        try:
            answer = try_again_once(
                lambda: self._call("alipay.fund.trans.common.query", wish), on=(ResultUnknown,)
            )
        except Refused as exc:
            if exc.code == NOT_EXIST:
                return self._missing(number)
            raise
        return self._result(answer, number, has_amount=True)

    def cancel(self, *, out_bill_no: str) -> None:
        """Nothing waits for anybody here, so nothing can be taken back."""
        raise Refused("transfers cannot be taken back", code="NOT_CANCELLABLE")

    def read_notice(
        self, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> TransferNotice:
        """Authenticate and read a message that came to the application's gateway."""
        return read_transfer(self._api, body=body, seller_id=self._seller_id, product=PRODUCT)

    def _call(self, method: str, biz_content: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._api.call(method, biz_content)
        except AlipayNoAnswer as exc:
            raise ResultUnknown(str(exc), code=exc.code or "NO_ANSWER") from None
        except AlipayBusy as exc:
            raise Busy("too many calls", code=exc.code) from None
        except AlipayRefused as exc:
            if exc.code in UNSURE:
                raise ResultUnknown("the platform cannot tell", code=exc.code) from None
            raise Refused("refused", code=exc.code) from None

    def _result(
        self, answer: Mapping[str, Any], number: str, *, has_amount: bool
    ) -> TransferResult:
        result = read_answer(
            lambda: transfer_in(
                answer,
                seller_id=self._seller_id,
                has_amount=has_amount,
                time_name="pay_date" if has_amount else "trans_date",
            )
        )
        must_echo((result.out_bill_no, number))
        return result

    def _missing(self, number: str) -> TransferResult:
        return TransferResult(
            channel=Channel.ALIPAY,
            merchant_id=self._seller_id,
            out_bill_no=number,
            state=TransferState.MISSING,
            amount_fen=None,
            platform_no=None,
        )
