"""A sheet's list as a CSV file for its leader's spreadsheet, which must run nothing in it."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from group_buy.sheets.models import EntryStatus
from kit.clock import SHANGHAI
from kit.money import to_yuan
from miniprogram_api.group_views import short_name
from miniprogram_api.sheet_views import NAMED, Listed

BOM: Final = "\ufeff"  # by which spreadsheets know UTF-8
HEAD: Final = ("跟团号", "昵称", "商品", "金额(元)", "状态", "下单时间", "付款时间")
WORDS: Final = {
    EntryStatus.HELD: "待付款",
    EntryStatus.PAID: "已付款",
    EntryStatus.LAPSED: "未付款",
    EntryStatus.LEFT: "已退出",
    EntryStatus.RETURNED: "已退款",
}
# A spreadsheet takes a text that begins so for a formula, wide forms and after a blank as well.
_FORMULA: Final = tuple("=+-@＝＋－＠\t\r\n|")


def write_csv(listed: Iterable[Listed]) -> str:
    """Return the list with a head, one row per number, names shortened."""
    memory = io.StringIO()
    writer = csv.writer(memory, lineterminator="\r\n")
    writer.writerow(HEAD)
    for row in listed:
        writer.writerow([harmless(cell) for cell in _cells(row)])
    return BOM + memory.getvalue()


def harmless(text: str) -> str:
    """Return the text so that a spreadsheet shows it and never computes it."""
    begins_so = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if begins_so else text


def _cells(listed: Listed) -> list[str]:
    entry = listed.entry
    is_named = entry.status in NAMED
    taken = ";".join(f"{line.snapshot['sku_title']} x{line.quantity}" for line in listed.lines)
    return [
        str(entry.number),
        short_name(listed.member.nickname) if is_named else "",
        taken,
        to_yuan(entry.total_fen),
        WORDS[entry.status],
        _moment(entry.joined_at),
        _moment(entry.paid_at),
    ]


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
