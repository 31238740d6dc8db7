"""Alipay's daily trade bill: a ZIP of GBK tables, unpacked within limits, its totals checked."""

import csv
import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from kit.money import Fen
from kit.outbound import OutboundSession, Unreachable
from kit.retry import try_again_once
from shop.payments.bill_figures import fee_fen, fen_from
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

METHOD: Final = "alipay.data.dataservice.bill.downloadurl.query"
MOST_FILES: Final = 16
MOST_BYTES: Final = 128 * 1024 * 1024
HOSTS: Final = (".alipay.com", ".alipayobjects.com")
FIRST_COLUMN: Final = "支付宝交易号"
PLAIN_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
KINDS: Final[Mapping[str, BillRowKind]] = {
    "交易": BillRowKind.PAYMENT,
    "退款": BillRowKind.REFUND,
}
_TOTAL: Final = re.compile(
    r"#(?P<kind>交易|退款)合计[：:](?P<count>[0-9]+)笔"
    r"[，,]商家实收(?:退款)?共(?P<yuan>[-0-9.]+)元"
)
# What `zipfile` raises for archives that are cut, changed or made to harm.
BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    OverflowError,
)

Cells = Mapping[str, str]
Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def download(call: Call, files: OutboundSession, *, day: date, origin: str) -> Bill:
    """Return the bill; `BillMissing` without one, `ResultUnknown` when it is not whole.

    `origin` is the gateway's own ("https://openapi.alipay.com/").
    """
    raw = try_again_once(lambda: _fetch(call, files, day, origin), on=(ResultUnknown,))
    try:
        rows = read_rows(detail_in(raw))
    except (ValueError, LookupError, csv.Error) as exc:
        raise ResultUnknown(f"unreadable bill: {exc}", code="BILL_FORM") from exc
    return Bill(Channel.ALIPAY, day, rows, hashlib.sha256(raw).hexdigest())


def detail_in(raw: bytes) -> str:
    """Return the table of single transactions out of the ZIP, by its content.

    The names inside are GBK without saying so. Sizes are counted while unpacking: what the archive
    says of itself is not believed. Raises `ValueError`.
    """
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise Unreadable("too many files")
            if not all(entry.compress_type in PLAIN_METHODS for entry in entries):
                raise Unreadable("compression method")
            for entry in entries:
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise Unreadable("too large")
                text = content.decode("gb18030")
                if f"\n{FIRST_COLUMN}," in text:
                    return text
    except BROKEN:
        raise Unreadable("not a ZIP file") from None
    raise Unreadable("no table of transactions")


def read_rows(text: str) -> tuple[BillRow, ...]:
    """Read the table; raises `Unreadable` when rows and totals disagree.

    Amounts are yuan; a refund's are negative. What is kept as fee is negative for a payment.
    """
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{FIRST_COLUMN},"))
    last = next((i for i in range(first, len(lines)) if lines[i].startswith("#")), len(lines))
    names, *table = csv.reader(line.rstrip("\r") for line in lines[first:last] if line.strip())
    columns = [name.strip() for name in names]
    cells = [_cells(columns, values) for values in table]
    _check_totals(cells, lines[last:])
    return tuple(_row(row) for row in cells)


def _fetch(call: Call, files: OutboundSession, day: date, origin: str) -> bytes:
    try:
        told = call(METHOD, {"bill_type": "trade", "bill_date": day.isoformat()})
    except Refused as exc:
        if exc.code.lower().endswith("bill_not_exist"):
            raise BillMissing("no bill", code=exc.code) from exc
        raise
    url = trusted(str(told.get("bill_download_url", "")), origin)
    try:
        response = files.get(url)
    except Unreachable as exc:
        raise ResultUnknown(str(exc), code="NO_ANSWER") from None
    if response.status_code != 200:
        raise ResultUnknown("no bill file", code=f"HTTP {response.status_code}")
    return response.content


def trusted(url: str, origin: str) -> str:
    """Return the address if it is the gateway's or Alipay's own, the latter by TLS.

    Alipay writes http. The file is neither signed nor hashed, so its way is what vouches for it.
    """
    if url.startswith(origin):
        return url
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and (parts.hostname or "").endswith(HOSTS):
        return parts._replace(scheme="https").geturl()
    raise ResultUnknown("the bill lies elsewhere", code="BILL_URL")


def _cells(columns: Sequence[str], values: Sequence[str]) -> Cells:
    if len(values) != len(columns):
        raise Unreadable("columns")
    return dict(zip(columns, (value.strip() for value in values), strict=True))


def _row(cells: Cells) -> BillRow:
    kind = KINDS.get(cells["业务类型"])
    if kind is None:
        raise Unreadable("业务类型")
    sign = 1 if kind is BillRowKind.PAYMENT else -1
    amount = fen_from(cells["订单金额（元）"]) * sign
    if amount <= 0:
        raise Unreadable("订单金额")
    return BillRow(
        kind=kind,
        transaction_no=cells[FIRST_COLUMN],
        out_trade_no=cells["商户订单号"],
        out_refund_no=cells["退款批次号/请求号"] if kind is BillRowKind.REFUND else None,
        amount_fen=Fen(amount),
        fee_fen=Fen(-fee_fen(cells["服务费（元）"])),
        at=from_beijing(cells["完成时间"], "完成时间"),
    )


def _check_totals(rows: Sequence[Cells], tail: Sequence[str]) -> None:
    """Compare number and sum of payments and of refunds with what the file says of them."""
    told = {match["kind"]: match for line in tail if (match := _TOTAL.match(line.strip()))}
    for kind in KINDS:
        ours = [row for row in rows if row["业务类型"] == kind]
        received = sum(fen_from(row["商家实收（元）"]) for row in ours)
        match = told.get(kind)
        if match is None or int(match["count"]) != len(ours):
            raise Unreadable(f"{kind}合计")
        # Refunds are written as negative rows, and their sum with or without the sign.
        if abs(fen_from(match["yuan"])) != abs(received):
            raise Unreadable(f"{kind}合计")
