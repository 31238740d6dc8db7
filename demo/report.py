"""The report of the evening: as JSON for programs, as text for the person at the terminal."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from demo import flash_report
from demo.checks import DEBIT_ACCOUNTS, Check, sides
from demo.chronicle import Chronicle, Purchase
from demo.facts import Facts

WIDTH: Final = 76
TONIGHT: Final = ("wechat_pay", "alipay")
GROUP_REASONS: Final = ("group_failed", "group_late", "left", "price_drop", "sheet_failed")


def build(
    facts: Facts,
    checks: Sequence[Check],
    chronicle: Chronicle,
    *,
    started_at: datetime,
    finished_at: datetime,
    seed: int,
    troubles: Mapping[str, int],
) -> dict[str, Any]:
    """Return the report as JSON values."""
    debits, credits = sides(facts.balances)
    return {
        "started_at": started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        "seed": seed,
        "ok": all(check.ok for check in checks),
        "counts": _counts(facts, chronicle),
        "groups": _groups(facts, chronicle),
        "flash_sale": {} if facts.sale is None else flash_report.numbers(facts, facts.sale),
        "leaders": build_leading(facts),
        "ledger": {"accounts": dict(facts.balances), "balanced": debits == credits},
        "sandbox": {
            "platforms": {channel: _platform(facts, channel) for channel in TONIGHT},
            "troubles": dict(troubles),
            "hiccups": dict(sorted(chronicle.hiccups.items())),
        },
        "checks": [
            {"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks
        ],
    }


def write(report: Mapping[str, Any], file: Path) -> None:
    """Put the report where programs look for it, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    fresh.replace(file)


def as_text(report: Mapping[str, Any], file: Path) -> str:
    """Return the report for a person."""
    counts, ledger, sandbox = report["counts"], report["ledger"], report["sandbox"]
    lines = ["", "The evening in numbers", "─" * WIDTH]
    lines += _columns([(name, str(number)) for name, number in counts.items()])
    lines += ["", "Buying together", "─" * WIDTH]
    lines += _columns([(name, str(number)) for name, number in report["groups"].items()])
    lines += ["", "The flash sale", "─" * WIDTH]
    lines += _columns([(name, str(told)) for name, told in report["flash_sale"].items()])
    lines += ["", "Leaders", "─" * WIDTH]
    lines += _columns([(name, str(number)) for name, number in report["leaders"].items()])
    lines += ["", "Money at the platforms tonight", "─" * WIDTH]
    for channel, sums in sandbox["platforms"].items():
        lines.append(
            f"  {channel:<12} {sums['payments']:>4} payments {yuan(sums['paid_fen']):>13}"
            f"   {sums['refunds']:>3} refunds {yuan(sums['refunded_fen']):>13}"
        )
    lines += ["", "The ledger, with all that was before tonight", "─" * WIDTH]
    for name, fen in ledger["accounts"].items():
        side = "debit" if name.startswith(DEBIT_ACCOUNTS) else "credit"
        lines.append(f"  {name:<24}{yuan(fen):>16}  {side}")
    lines.append(f"  both sides are {'equal' if ledger['balanced'] else 'NOT EQUAL'}")
    lines += ["", "What went wrong, and was made good", "─" * WIDTH]
    lines += _columns([(name, str(times)) for name, times in sandbox["troubles"].items()])
    lines += _columns(
        [(f"members had to ask again: {name}", str(n)) for name, n in sandbox["hiccups"].items()]
    )
    lines += ["", "Checks", "─" * WIDTH]
    for check in report["checks"]:
        mark = "✓" if check["ok"] else "✗"
        lines.append(f"  {mark} {check['name']} ({check['detail']})")
    held = sum(check["ok"] for check in report["checks"])
    lines += ["", f"{held} of {len(report['checks'])} checks held; the report is {file}"]
    return "\n".join(lines)


def yuan(fen: int) -> str:
    """Write fen as people read them."""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _counts(facts: Facts, chronicle: Chronicle) -> dict[str, int]:
    statuses = [str((one.seen or {}).get("status")) for one in facts.purchases]
    ended = {f"orders {status}": statuses.count(status) for status in sorted(set(statuses))}
    return {
        **dict(sorted(chronicle.counts.items())),
        **ended,
        "cards delivered": sum(len(one.cards) for one in facts.purchases),
        "refunds done": sum(len(_refunds(one)) for one in facts.purchases),
        "notices sent": sum(len(notice["attempts"]) for notice in facts.notices),
    }


def _groups(facts: Facts, chronicle: Chronicle) -> dict[str, int]:
    """Return how groups ended, who was moved, and what went back for which reason."""
    ends = [str((one.seen or {}).get("status")) for one in facts.gatherings]
    back = [row for one in facts.purchases for row in _refunds(one)]
    reasons = Counter(str(row.get("reason")) for row in back)
    return {
        "formed": ends.count("formed"),
        "failed": ends.count("failed"),
        "completed by the house": sum(one.house_seats > 0 for one in facts.gatherings),
        "seats in formed groups": sum(
            one.seen["seats_paid"]
            for one in facts.gatherings
            if one.seen and one.seen["status"] == "formed"
        ),
        "late payers moved": chronicle.counts["late payers moved"],
        "late payers repaid": reasons["group_late"],
        "refunded, group failed": reasons["group_failed"],
        "refunded, left the group": reasons["left"],
        "refunded, lower price": reasons["price_drop"],
        "refunded, order sheet called off": reasons["sheet_failed"],
        "fen refunded of groups": sum(
            row["amount_fen"] for row in back if row.get("reason") in GROUP_REASONS
        ),
    }


def build_leading(facts: Facts) -> dict[str, int]:
    """Return what came of leaders' invites."""
    orders = [one for led in facts.led for one in led.purchases]
    sums = Counter[str]()
    for led in facts.led:
        sums.update(led.sums)
    earned = sum(sums[f"{name}_fen"] for name in ("pending", "payable", "withdrawing", "paid"))
    return {
        "leaders": len(facts.led),
        "orders they brought": len(orders),
        "of these given back": sum(bool(_refunds(one)) for one in orders),
        "fen earned": earned - sums["debt_fen"],
        "fen withdrawn": sums["paid_fen"],
        "fen owed": sums["debt_fen"],
        "chat groups pushed into": sum(bool(one.code) for led in facts.led for one in led.reached),
        "orders from chat groups": sum(one.bought for led in facts.led for one in led.reached),
    }


def _refunds(purchase: Purchase) -> list[dict[str, Any]]:
    rows = (purchase.seen or {}).get("refunds", [])
    return [row for row in rows if row["status"] == "done"]


def _platform(facts: Facts, channel: str) -> dict[str, int]:
    tonight = {
        number
        for one in facts.purchases
        for number, paid_through in one.paid.items()
        if paid_through == channel
    }
    books = facts.books[channel]
    paid = [row["total_fen"] for row in books["orders"] if row["out_trade_no"] in tonight]
    back = [
        row["refunded_fen"]
        for row in books["refunds"]
        if row["out_trade_no"] in tonight and row["refunded_fen"]
    ]
    return {
        "payments": len(paid),
        "paid_fen": sum(paid),
        "refunds": len(back),
        "refunded_fen": sum(back),
    }


def _columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {name:<52}{value:>8}" for name, value in pairs]
