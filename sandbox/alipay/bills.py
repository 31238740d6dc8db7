"""The trade bill: a ZIP of two GBK tables, single transactions and their summary, in yuan."""

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sandbox.alipay import users
from sandbox.alipay.money import fee_fen, yuan
from sandbox.alipay.platform import Platform
from sandbox.alipay.trades import local
from sandbox.clock import BEIJING

COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,"
    "商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
RULE = "#-----------------------------------------"
PAYMENT, REFUND = "交易", "退款"


@dataclass(frozen=True)
class Period:
    """A day or a month of Beijing; `label` is how file names write it."""

    start: datetime
    end: datetime
    label: str

    @property
    def window(self) -> tuple[str, str]:
        """Its bounds as the books write times."""
        return self.start.astimezone(UTC).isoformat(), self.end.astimezone(UTC).isoformat()

    @property
    def heading(self) -> str:
        """Its bounds as the tables write them."""
        form = "%Y年%m月%d日 00:00:00"
        return f"#起始日期：[{self.start:{form}}]   终止日期：[{self.end:{form}}]"


@dataclass(frozen=True)
class Row:
    """One transaction; amounts as the bill signs them: refunds and fees of payments negative."""

    kind: str
    trade: sqlite3.Row
    done_at: str
    amount_fen: int
    coupon_fen: int
    fee_fen: int
    request_no: str = ""


def period_of(text: str) -> Period:
    """The period of `yyyy-MM-dd` or `yyyy-MM`; ValueError for a date that there is not."""
    if len(text) == len("yyyy-MM"):
        start = datetime.strptime(text, "%Y-%m").replace(tzinfo=BEIJING)
        end = (start + timedelta(days=31)).replace(day=1)
        return Period(start, end, f"{start:%Y%m}")
    start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=BEIJING)
    return Period(start, start + timedelta(days=1), f"{start:%Y%m%d}")


def trade_bill(
    connection: sqlite3.Connection,
    platform: Platform,
    period: Period,
    *,
    exported_at: datetime,
    delta_fen: int = 0,
) -> bytes | None:
    """The archive, or None when nothing happened in the period.

    `delta_fen` falsifies the first row's amount (and the totals with it) for a fault.
    """
    rows = sorted(_rows(connection, period), key=lambda row: row.done_at)
    if not rows:
        return None
    if delta_fen:
        rows[0] = replace(rows[0], amount_fen=rows[0].amount_fen + delta_fen)
    account = f"{platform.seller_id}0156"
    end = f"#导出时间：[{exported_at.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}]"
    head = [f"#账号：[{account}]", period.heading]
    tables = {
        "业务明细": [
            "#支付宝业务明细查询",
            *head,
            f"{RULE}业务明细列表----------------------------------------",
            COLUMNS,
            *_lines(_cells(row) for row in rows),
            f"{RULE}业务明细列表结束------------------------------------",
            *_totals(rows),
            end,
        ],
        "业务明细(汇总)": [
            "#支付宝业务汇总查询",
            *head,
            f"{RULE}业务汇总列表----------------------------------------",
            SUMMARY_COLUMNS,
            *_lines([_summary(rows)]),
            f"{RULE}业务汇总列表结束------------------------------------",
            end,
        ],
    }
    return _packed({f"{account}_{period.label}_{name}.csv": tables[name] for name in tables})


class _GbkInfo(zipfile.ZipInfo):
    """An entry whose name is GBK and does not say so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's name
        return self.filename.encode("gbk"), self.flag_bits


def _packed(tables: dict[str, list[str]]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, lines in tables.items():
            entry = _GbkInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, ("\r\n".join(lines) + "\r\n").encode("gbk", "replace"))
    return memory.getvalue()


def _rows(connection: sqlite3.Connection, period: Period) -> list[Row]:
    """Payments by the time they were made, refunds by the time the money moved."""
    payments = connection.execute(
        "SELECT * FROM ap_trades WHERE paid_at >= ? AND paid_at < ?", period.window
    ).fetchall()
    refunds = connection.execute(
        "SELECT t.*, r.out_request_no, r.amount_fen, r.finished_at FROM ap_refunds r"
        " JOIN ap_trades t USING (trade_no) WHERE r.finished_at >= ? AND r.finished_at < ?",
        period.window,
    ).fetchall()
    return [
        Row(
            PAYMENT,
            trade,
            trade["paid_at"],
            trade["total_fen"],
            trade["coupon_fen"],
            -fee_fen(trade["total_fen"]),
        )
        for trade in payments
    ] + [
        Row(
            REFUND,
            refund,
            refund["finished_at"],
            -refund["amount_fen"],
            0,
            fee_fen(refund["amount_fen"]),
            refund["out_request_no"],
        )
        for refund in refunds
    ]


def _cells(row: Row) -> list[str]:
    trade, none = row.trade, "0.00"
    person = f"*户({users.masked_logon(trade['buyer_open_id'])})\t"
    return [
        f"{trade['trade_no']}\t",
        f"{trade['out_trade_no']}\t",
        f"{row.kind}\t",
        trade["subject"],
        local(trade["created_at"]),
        local(row.done_at),
        *("\t" for _ in ("门店编号", "门店名称", "操作员", "终端号")),
        person,
        yuan(row.amount_fen),
        yuan(row.amount_fen),
        yuan(row.coupon_fen),
        *(none for _ in ("集分宝", "支付宝优惠", "商家优惠", "券核销金额")),
        "",
        f"{none}\t",
        none,
        f"{row.request_no}\t",
        yuan(row.fee_fen),
        none,
        trade["body"] or "",
    ]


def _totals(rows: list[Row]) -> list[str]:
    counts = {kind: sum(1 for row in rows if row.kind == kind) for kind in (PAYMENT, REFUND)}
    sums = {kind: _sum(rows, kind) for kind in counts}
    return [
        f"#交易合计：{counts[PAYMENT]}笔，商家实收共{yuan(sums[PAYMENT])}元，商家优惠共0.00元",
        f"#退款合计：{counts[REFUND]}笔，商家实收退款共{yuan(sums[REFUND])}元，商家优惠退款共0.00元",
    ]


def _summary(rows: list[Row]) -> list[str]:
    """The one line of all shops together."""
    amount = _sum(rows, PAYMENT) + _sum(rows, REFUND)
    fee = sum(row.fee_fen for row in rows)
    payments = sum(1 for row in rows if row.kind == PAYMENT)
    return [
        "合计",
        "",
        str(payments),
        str(len(rows) - payments),
        yuan(amount),
        yuan(amount),
        *("0.00" for _ in ("支付宝优惠", "商家优惠", "卡消费金额")),
        yuan(fee),
        "0.00",
        yuan(amount + fee),
    ]


def _sum(rows: list[Row], kind: str) -> int:
    return sum(row.amount_fen for row in rows if row.kind == kind)


def _lines(table: Iterable[list[str]]) -> list[str]:
    """CSV lines; what would break a line becomes a space."""
    memory = io.StringIO()
    writer = csv.writer(memory, lineterminator="\n")
    for cells in table:
        writer.writerow([cell.replace("\r", " ").replace("\n", " ") for cell in cells])
    return memory.getvalue().splitlines()
