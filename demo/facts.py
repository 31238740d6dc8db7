"""What is true when the evening is over, gathered from the shop, the platforms and the commands."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from demo import commands
from demo.cast import Person
from demo.chronicle import SHANGHAI, Deal, Gathering, Led, Probe, Purchase, Reveal
from demo.commands import Outcome
from demo.evening import AT_ONCE, Evening
from demo.platforms import Books, Platforms
from demo.sale_record import SaleRecord

FINAL: Final = frozenset({"fulfilled", "refunded", "closed"})
FINAL_SECONDS: Final = 180.0
PAUSE_SECONDS: Final = 3.0
SHIPPING_SECONDS: Final = 180.0  # a report that failed five times rests a minute


@dataclass(slots=True)
class Facts:
    """Everything that the checks look at; nothing here changes any more."""

    purchases: Sequence[Purchase]
    reveals: Sequence[Reveal] = field(repr=False)
    probes: Sequence[Probe]
    books: Books
    gatherings: Sequence[Gathering] = ()
    led: Sequence[Led] = ()
    deals: Sequence[Deal] = ()
    sale: SaleRecord | None = None
    notices: Sequence[dict[str, Any]] = ()
    shipped: Mapping[str, bool] = field(default_factory=dict)  # by order_no
    special_made: int = 0
    special_left: int = 0
    special_sku: str = ""
    audit: Mapping[str, Any] = field(default_factory=dict)
    ledger: Outcome | None = None
    balances: Mapping[str, int] = field(default_factory=dict)
    reconciled: Mapping[str, Outcome] = field(default_factory=dict)  # by "channel day"
    leaks: Sequence[str] | None = None  # log files that hold a code; None: not looked


def wait_until_final(evening: Evening) -> None:
    """Let everything come to its end, and keep what each member sees of their orders then."""
    people = {person.number: person for person in evening.people}
    until = time.monotonic() + FINAL_SECONDS
    waiting = list(evening.chronicle.purchases)
    while waiting and time.monotonic() < until:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            looks = pool.map(lambda one: _look(people[one.member], one), waiting)
            waiting = [one for one, is_final in zip(waiting, looks, strict=True) if not is_final]
        if waiting:
            evening.chronicle.tell(f"  {len(waiting)} orders still have something to come")
            time.sleep(PAUSE_SECONDS)
    for purchase in evening.chronicle.purchases:
        person = people[purchase.member]
        if not person.has_left:
            purchase.cards = person.program.cards(purchase.order_id)


def see_groups(evening: Evening) -> None:
    """Keep what everybody sees of each group when nothing is to happen any more."""
    watcher = evening.phone("wechat")
    until = time.monotonic() + FINAL_SECONDS
    for gathering in evening.chronicle.gatherings:
        gathering.seen = watcher.group(gathering.group_id).body
        while gathering.seen.get("status") == "open" and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
            gathering.seen = watcher.group(gathering.group_id).body


def is_final(purchase: Purchase) -> bool:
    """Say whether nothing more is to happen: no money on its way, none unheard of."""
    seen = purchase.seen or {}
    captured = [row for row in seen.get("payments", []) if row["status"] == "captured"]
    return (
        seen.get("status") in FINAL
        and len(captured) >= len(purchase.paid)
        and all(row["status"] == "done" for row in seen.get("refunds", []))
    )


def confirm_receipts(evening: Evening, books: Books) -> dict[str, bool]:
    """Let members of WeChat confirm what they got, which works when the delivery was reported.

    Left out are members who have gone and orders of which money went back: those are not reported.
    """
    transactions = {row["out_trade_no"]: row for row in books["wechat_pay"]["orders"]}
    gone = {person.number for person in evening.people if person.has_left}
    wanted = {
        purchase.order_no: transactions[number]["transaction_no"]
        for purchase in evening.chronicle.purchases
        for number, channel in purchase.paid.items()
        if channel == "wechat_pay" and purchase.member not in gone and _is_kept_whole(purchase)
    }
    confirmed = dict.fromkeys(wanted, False)
    until = time.monotonic() + SHIPPING_SECONDS
    while not all(confirmed.values()) and time.monotonic() < until:
        for order_no, transaction_no in wanted.items():
            if not confirmed[order_no]:
                body = {"transaction_id": transaction_no}
                answer = evening.platforms.order("POST", "wechat/confirm-receipt", body)
                confirmed[order_no] = bool(answer["confirmed"])
        time.sleep(0.5)
    return confirmed


def reconcile(
    platforms: Platforms, books: Books, *, since: datetime, until: datetime
) -> dict[str, Outcome]:
    """Reconcile the evening's day (two around midnight) wherever money moved on it."""
    first, last = (f"{at.astimezone(SHANGHAI):%Y-%m-%d}" for at in (since, until))
    platforms.order("POST", "bills", {"available": "now"})
    try:
        return {
            f"{channel} {day}": commands.flask("reconcile", "--date", day, "--channel", channel)
            for channel in ("wechat_pay", "alipay")
            for day in sorted({first, last} & days_with_money(books, channel))
        }
    finally:
        platforms.order("POST", "bills", {"available": "real"})


def days_with_money(books: Books, channel: str) -> set[str]:
    """Return the days in Shanghai on which a platform moved money."""
    moments = [row["success_at"] for row in books[channel]["orders"]]
    moments += [row["finished_at"] for row in books[channel]["refunds"]]
    return {f"{datetime.fromisoformat(at).astimezone(SHANGHAI):%Y-%m-%d}" for at in moments if at}


def find_leaks(folder: Path, codes: set[str]) -> list[str] | None:
    """Return the files in which a code stands, with or without dashes; None without any file."""
    wanted = [form.encode() for code in codes for form in (code, code.replace("-", ""))]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found: list[str] = []
    for file in files:
        content = file.read_bytes()
        if any(form in content for form in wanted):
            found.append(file.name)
    return found if files else None


def _look(person: Person, purchase: Purchase) -> bool:
    if not person.has_left:
        answer = person.program.order(purchase.order_id)
        purchase.seen = answer.body if answer.is_ok else {"status": answer.code}
    return is_final(purchase)


def _is_kept_whole(purchase: Purchase) -> bool:
    seen = purchase.seen or {}
    first = [row for row in seen.get("payments", []) if row["status"] == "captured"][:1]
    return (
        seen.get("status") == "fulfilled"
        and not seen.get("refunds")
        and all(row["channel"] == "wechat_pay" for row in first)
    )
