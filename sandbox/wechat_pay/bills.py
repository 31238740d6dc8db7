"""The trade bill: yesterday's payments and refunds as the platform writes them, in yuan."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sandbox.clock import BEIJING
from sandbox.wechat_pay.platform import Platform

FEE_BASIS_POINTS = 60
HEAD = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
]
REFUND = ["微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态"]
TAIL = ["商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额", "费率备注"]
COLUMNS = {
    "ALL": [*HEAD, *REFUND, *TAIL],
    "SUCCESS": [*HEAD, *(name for name in TAIL if name != "申请退款金额")],
    "REFUND": [*HEAD, "退款申请时间", "退款成功时间", *REFUND, *TAIL],
}
TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)

Row = dict[str, str]


def trade_bill(
    connection: sqlite3.Connection,
    platform: Platform,
    day: date,
    bill_type: str,
    *,
    delta_fen: int = 0,
) -> str | None:
    """The file's text, or None when the day has no rows.

    Payments belong to the Beijing day of their success, refunds to that of their acceptance.
    `delta_fen` falsifies the first row's amount (and the totals with it) for a fault.
    """
    start = datetime.combine(day, time.min, BEIJING).astimezone(UTC)
    window = (start.isoformat(), (start + timedelta(days=1)).isoformat())
    rows: list[tuple[str, Row, tuple[int, int, int]]] = []
    if bill_type in {"ALL", "SUCCESS"}:
        rows += [_payment(row, platform) for row in _payments(connection, window)]
    if bill_type in {"ALL", "REFUND"}:
        rows += [_refund(row, platform) for row in _refunds(connection, window)]
    if not rows:
        return None
    rows.sort(key=lambda item: item[0])
    if delta_fen:
        rows[0] = _falsified(rows[0], delta_fen)
    columns = COLUMNS[bill_type]
    lines = [",".join(columns)]
    lines += [_line(shown[name] for name in columns) for _, shown, _ in rows]
    total_fen = sum(figures[0] for _, _, figures in rows)
    refund_fen = sum(figures[1] for _, _, figures in rows)
    fee_fen = sum(figures[2] for _, _, figures in rows)
    lines.append(TOTALS)
    lines.append(
        _line(
            [
                str(len(rows)),
                yuan(total_fen),
                yuan(refund_fen),
                "0.00",
                fee_yuan(fee_fen),
                yuan(total_fen),
                yuan(refund_fen),
            ]
        )
    )
    return "\r\n".join(lines) + "\r\n"


def yuan(fen: int) -> str:
    """Fen as the bill writes them: two decimals."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fee_yuan(fen: int) -> str:
    """Fees have five decimals."""
    return yuan(fen) + "000"


def fee_fen(amount_fen: int) -> int:
    """0.60 % of the amount, half a fen rounds up."""
    return (amount_fen * FEE_BASIS_POINTS + 5000) // 10000


def _payments(connection: sqlite3.Connection, window: tuple[str, str]) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT * FROM wp_orders WHERE success_at >= ? AND success_at < ?", window
    ).fetchall()


def _refunds(connection: sqlite3.Connection, window: tuple[str, str]) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT r.*, o.transaction_id, o.openid, o.description, o.attach"
        " FROM wp_refunds r JOIN wp_orders o USING (out_trade_no)"
        " WHERE r.accepted_at >= ? AND r.accepted_at < ?",
        window,
    ).fetchall()


def _payment(row: sqlite3.Row, platform: Platform) -> tuple[str, Row, tuple[int, int, int]]:
    fee = fee_fen(row["total_fen"])
    shown = _common(row, platform, row["success_at"]) | {
        "交易状态": "SUCCESS",
        "应结订单金额": yuan(row["total_fen"]),
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "退款类型": "",
        "退款状态": "",
        "手续费": fee_yuan(fee),
        "订单金额": yuan(row["total_fen"]),
        "申请退款金额": "0.00",
    }
    return row["success_at"], shown, (row["total_fen"], 0, fee)


def _refund(row: sqlite3.Row, platform: Platform) -> tuple[str, Row, tuple[int, int, int]]:
    fee = -fee_fen(row["amount_fen"])
    shown = _common(row, platform, row["accepted_at"]) | {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "退款申请时间": _local(row["accepted_at"]),
        "退款成功时间": _local(row["finished_at"]) if row["status"] == "SUCCESS" else "",
        "微信退款单号": row["refund_id"],
        "商户退款单号": row["out_refund_no"],
        "退款金额": yuan(row["amount_fen"]),
        "退款类型": "ORIGINAL",
        "退款状态": row["status"],
        "手续费": fee_yuan(fee),
        "订单金额": "0.00",
        "申请退款金额": yuan(row["amount_fen"]),
    }
    return row["accepted_at"], shown, (0, row["amount_fen"], fee)


def _common(row: sqlite3.Row, platform: Platform, at: str) -> Row:
    return {
        "交易时间": _local(at),
        "公众账号ID": platform.app_id,
        "商户号": platform.mch_id,
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": row["transaction_id"],
        "商户订单号": row["out_trade_no"],
        "用户标识": row["openid"],
        "交易类型": "JSAPI",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": _cell(row["description"]),
        "商户数据包": _cell(row["attach"] or ""),
        "费率": f"{FEE_BASIS_POINTS // 100}.{FEE_BASIS_POINTS % 100:02d}%",
        "费率备注": "",
    }


def _falsified(
    row: tuple[str, Row, tuple[int, int, int]], delta_fen: int
) -> tuple[str, Row, tuple[int, int, int]]:
    at, shown, (total, refund, fee) = row
    if shown["交易状态"] == "SUCCESS":
        total += delta_fen
        return at, shown | {"应结订单金额": yuan(total), "订单金额": yuan(total)}, (total, 0, fee)
    refund += delta_fen
    return at, shown | {"退款金额": yuan(refund), "申请退款金额": yuan(refund)}, (0, refund, fee)


def _line(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _cell(text: str) -> str:
    """The platform strips what would break its columns."""
    return text.replace(",", " ").replace("\r", " ").replace("\n", " ").replace("`", " ")


def _local(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
