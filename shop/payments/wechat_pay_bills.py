"""WeChat Pay's daily trade bill: fetched, its SHA-1 and totals checked, read to the fen."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from kit.crypto import same
from kit.money import Fen
from kit.retry import try_again_once
from shop.payments.bill_figures import fee_fen, fen_from, points
from shop.payments.gateway import (
    Bill,
    BillMissing,
    BillRow,
    BillRowKind,
    Channel,
    Refused,
    ResultUnknown,
)
from shop.payments.reading import Unreadable, from_beijing
from shop.payments.wechat_pay_client import PayClient

NONE_YET: Final = frozenset({"NO_STATEMENT_EXIST", "STATEMENT_CREATING"})
MOST_BYTES: Final = 128 * 1024 * 1024
FEWEST_LINES: Final = 3  # the names, the totals' names, the totals

Cells = Mapping[str, str]


def download(client: PayClient, *, day: date, mch_id: str) -> Bill:
    """Return the bill; `BillMissing` without one, `ResultUnknown` when it is not whole."""
    try:
        _, told = try_again_once(
            lambda: client.trade_bill(day.isoformat(), bill_type="ALL", tar_type="GZIP"),
            on=(ResultUnknown,),
        )
    except Refused as exc:
        if exc.code in NONE_YET:
            raise BillMissing("no bill", code=exc.code) from exc
        raise
    url, kind, digest = (str(told.get(key)) for key in ("download_url", "hash_type", "hash_value"))
    # The request is signed, so it goes to the platform's own host and nowhere else.
    if not url.startswith(f"{client.core.gateway}/v3/billdownload/"):
        raise ResultUnknown("the bill lies elsewhere", code="BILL_URL")
    _, raw = try_again_once(lambda: client.download_bill(url), on=(ResultUnknown,))
    content = _unpacked(raw)
    # The answer is not signed; the hash in the signed answer before it vouches for the file.
    actual = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if kind != "SHA1" or not same(actual, digest.lower()):
        raise ResultUnknown("the bill does not fit its hash", code="BILL_HASH")
    try:
        rows = read_rows(content.decode("utf-8-sig"), mch_id=mch_id)
    except (ValueError, LookupError) as exc:
        raise ResultUnknown(f"unreadable bill: {exc}", code="BILL_FORM") from exc
    return Bill(Channel.WECHAT_PAY, day, rows, hashlib.sha256(raw).hexdigest())


def read_rows(text: str, *, mch_id: str) -> tuple[BillRow, ...]:
    """Read a bill of type ALL; raises `Unreadable` when rows and totals disagree.

    Every value carries a backtick in front, which also tells a comma between values from one
    inside. Amounts are yuan; fees have five decimals.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < FEWEST_LINES:
        raise Unreadable("lines")
    names = [name.strip() for name in lines[0].split(",")]
    rows = [_cells(names, line) for line in lines[1:-2]]
    totals = _cells([name.strip() for name in lines[-2].split(",")], lines[-1])
    _check_totals(rows, totals)
    if any(row["商户号"] != mch_id or row["货币种类"] != "CNY" for row in rows):
        raise Unreadable("商户号")
    return tuple(_row(row) for row in rows)


def _row(cells: Cells) -> BillRow:
    is_refund = cells["交易状态"] == "REFUND"
    if not is_refund and cells["交易状态"] != "SUCCESS":
        raise Unreadable("交易状态")
    return BillRow(
        kind=BillRowKind.REFUND if is_refund else BillRowKind.PAYMENT,
        transaction_no=cells["微信订单号"],
        out_trade_no=cells["商户订单号"],
        out_refund_no=cells["商户退款单号"] if is_refund else None,
        # What the payer was asked for and gets back, coupons of the platform included.
        amount_fen=_positive(fen_from(cells["申请退款金额" if is_refund else "订单金额"])),
        fee_fen=fee_fen(cells["手续费"]),
        at=from_beijing(cells["交易时间"], "交易时间"),
    )


def _check_totals(rows: Sequence[Cells], totals: Cells) -> None:
    if totals.get("总交易单数") != str(len(rows)):
        raise Unreadable("总交易单数")
    for total, column in (
        ("应结订单总金额", "应结订单金额"),
        ("退款总金额", "退款金额"),
        ("手续费总金额", "手续费"),
        ("订单总金额", "订单金额"),
        ("申请退款总金额", "申请退款金额"),
    ):
        if points(totals[total]) != sum(points(row[column]) for row in rows):
            raise Unreadable(total)


def _cells(names: Sequence[str], line: str) -> Cells:
    if not line.startswith("`"):
        raise Unreadable("backtick")
    values = [value.strip() for value in line.rstrip("\r")[1:].split(",`")]
    if len(values) != len(names):
        raise Unreadable("columns")
    return dict(zip(names, values, strict=True))


def _positive(amount: Fen) -> Fen:
    if amount <= 0:
        raise Unreadable("amount")
    return amount


def _unpacked(raw: bytes) -> bytes:
    """Unpack with a limit on what comes out, whatever the file says of itself."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise ResultUnknown("the bill is not gzip", code="BILL_FORM") from None
    if len(content) > MOST_BYTES:
        raise ResultUnknown("the bill is too large", code="BILL_SIZE")
    return content
