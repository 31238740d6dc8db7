"""`python -m demo [--seed …]`, beside a shop that runs: play an evening, check it, report."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from demo import acts, commands, deals, leading, pushing, report, together, troubles
from demo.cast import FEWEST_MEMBERS, cast, circle, crowd, neighbours
from demo.checks import CHECKS, run_checks
from demo.chronicle import Chronicle
from demo.evening import Evening
from demo.facts import (
    Facts,
    confirm_receipts,
    find_leaks,
    reconcile,
    see_groups,
    wait_until_final,
)
from demo.flash_checks import FLASH_CHECKS
from demo.flash_sale.crowd import FEWEST as SMALLEST_CROWD
from demo.flash_sale.crowd import MOST as LARGEST_CROWD
from demo.group_checks import GROUP_CHECKS
from demo.leading_checks import LEADING_CHECKS
from demo.places import Places
from demo.platforms import Platforms, SandboxRefused
from demo.wire import Wire

MOST_MEMBERS: Final = 999
ALL_CHECKS: Final = (*CHECKS, *GROUP_CHECKS, *FLASH_CHECKS, *LEADING_CHECKS)
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
SPECIAL_PRICE_FEN: Final = 1880
RARE_PRICE_FEN: Final = 9900


def main(arguments: Sequence[str] | None = None) -> int:
    """Play an evening; 0 when every check held."""
    options = _options(arguments)
    places, started_at = Places.read(os.environ), datetime.now(UTC)
    chronicle, platforms = Chronicle(), Platforms(Wire(places.sandbox_url))
    chronicle.tell(f"an evening of {options.members} members begins (seed {options.seed})")
    tag = _tag(started_at)
    people = cast(options.members, seed=options.seed, tag=tag)
    others = neighbours(together.PLAYERS, after=len(people), seed=options.seed, tag=tag)
    others += circle(leading.PLAYERS, after=len(people) + len(others), seed=options.seed, tag=tag)
    rushing = crowd(options.crowd, after=len(people) + len(others), seed=options.seed, tag=tag)
    special_made = 5 * options.members
    rare_made = sum(person.part.name == "too_late_payer" for person in people)
    special = commands.make_sku(stock=special_made, price_fen=SPECIAL_PRICE_FEN)
    rare = commands.make_sku(stock=rare_made, price_fen=RARE_PRICE_FEN)
    evening = Evening(
        shop=Wire(places.shop_url),
        platforms=platforms,
        people=[*people, *others, *rushing],
        chronicle=chronicle,
        special_sku=special["sku_id"],
        rare_sku=rare["sku_id"],
    )
    first_call = troubles.last_entry(platforms)
    _leave_no_trouble_behind(platforms)
    troubles.begin(platforms, seed=options.seed)
    try:
        folder = places.report_file.parent
        acts.play(
            evening, plan_deals=lambda: deals.plan_deals(folder), folder=folder, seed=options.seed
        )
    finally:
        troubles.end(platforms)
    facts = _gather(evening, special, special_made, started_at, places)
    calls = platforms.order("GET", f"log?since={first_call}")["items"]
    checks = run_checks(facts, ALL_CHECKS)
    written = report.build(
        facts,
        checks,
        chronicle,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        seed=options.seed,
        troubles=troubles.count(calls, list(facts.notices)),
    )
    report.write(written, places.report_file)
    sys.stdout.write(report.as_text(written, places.report_file) + "\n")
    return 0 if written["ok"] else 1


def _gather(
    evening: Evening,
    special: dict[str, str],
    special_made: int,
    started_at: datetime,
    places: Places,
) -> Facts:
    chronicle, platforms = evening.chronicle, evening.platforms
    chronicle.tell("— the trouble is over; everything comes to its end")
    wait_until_final(evening)
    see_groups(evening)
    leading.see_statement(evening)
    pushing.see_chat_groups(evening)
    chronicle.tell("— the campaigns are settled")
    deals.see_them_end(evening)
    books = platforms.books()
    shipped = confirm_receipts(evening, books)
    chronicle.tell("— the books are compared")
    product = evening.phone("wechat").product(special["product_id"]).body
    notices: list[dict[str, Any]] = platforms.order("GET", "notices")["items"]
    with ThreadPoolExecutor(2) as pool:
        audited = pool.submit(commands.audit)
        verified = pool.submit(commands.flask, "ledger", "verify")
    return Facts(
        purchases=chronicle.purchases,
        gatherings=chronicle.gatherings,
        led=chronicle.led,
        deals=evening.deals,
        sale=evening.sale,
        reveals=chronicle.reveals,
        probes=chronicle.probes,
        books=books,
        notices=[one for one in notices if one["created_at"] >= started_at.isoformat()],
        shipped=shipped,
        special_made=special_made,
        special_left=sum(sku["stock_left"] for sku in product.get("skus", [])),
        special_sku=special["sku_id"],
        audit=audited.result(),
        ledger=verified.result(),
        reconciled=reconcile(platforms, books, since=started_at, until=datetime.now(UTC)),
        balances=commands.balances(),
        leaks=find_leaks(places.logs, {reveal.code for reveal in chronicle.reveals}),
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=20_261_111, help="draws every lot")
    parser.add_argument("--members", type=int, default=100, help=f"{FEWEST_MEMBERS} or more")
    crowd_help = f"members who come for the flash sale, {SMALLEST_CROWD} or more"
    parser.add_argument("--crowd", type=int, default=2000, help=crowd_help)
    options = parser.parse_args(arguments)
    if not SMALLEST_CROWD <= options.crowd <= LARGEST_CROWD:
        parser.error(f"--crowd takes {SMALLEST_CROWD} to {LARGEST_CROWD}")
    if not FEWEST_MEMBERS <= options.members <= MOST_MEMBERS:
        parser.error(f"--members takes {FEWEST_MEMBERS} to {MOST_MEMBERS}")
    return options


def _leave_no_trouble_behind(platforms: Platforms) -> None:
    """When the evening is stopped early, the platforms are as good as before all the same."""

    def stop(*_: object) -> None:
        with suppress(SandboxRefused):
            troubles.end(platforms)
            platforms.order("POST", "bills", {"available": "real"})
        os._exit(130)  # members in other threads may be waiting for something

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _tag(at: datetime) -> str:
    """Return a short text that no other evening has."""
    number, letters = int(at.timestamp()), ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        letters = DIGITS[digit] + letters
    return letters


if __name__ == "__main__":
    raise SystemExit(main())
