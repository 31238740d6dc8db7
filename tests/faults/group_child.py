"""A process that works on groups and is killed: `python -m tests.faults.group_child live|refund`.

What the platforms know outlives it, in files, as it would in reality.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from kit.db import Begin, make_begin, make_engine
from shop.payments.gateway import Channel
from tests.factories.groups import LADDER, LASTS, LONG_AGO, GroupBench, Offer
from tests.factories.platforms import MemoryPlatform
from tests.factories.sheets import SheetBench

READY = "ready"


def new_bench(begin: Begin, folder: Path, now: datetime = LONG_AGO) -> GroupBench:
    """Return a shop whose platforms remember what is in the folder."""
    platforms = {
        channel: MemoryPlatform(channel, file=folder / channel.value) for channel in Channel
    }
    for platform in platforms.values():
        platform.load()
    return GroupBench(begin, now, platforms=platforms)


def live(shop: GroupBench) -> None:
    """Form one, climb a ladder, leave one, move a late payer, let one fail, repay; sheets, too."""
    fair = SheetBench(shop)
    for minimum_fen in (0, 10_000):  # is confirmed, will fail
        fair.bought(fair.open(minimum_fen=minimum_fen))
    campaign_id = shop.campaign(Offer(seats=2))
    shop.opened(campaign_id, paid=2)
    shop.opened(shop.campaign(Offer(ladder=LADDER)), paid=3)
    left = shop.opened(campaign_id)
    shop.leave(left.group.id, left.seat.member_id)
    first = shop.opened(campaign_id)
    late = shop.join(first.group.id, may_move=True)
    number = shop.start_payment(late.order.id).out_trade_no
    shop.now += timedelta(minutes=15)
    shop.sweep("close")
    shop.relay()
    shop.pay(shop.join(first.group.id))
    shop.opened(campaign_id)
    shop.wechat.pay(number, force=True)
    shop.notify(number)
    shop.relay()
    for _ in range(3):
        shop.opened(campaign_id)
    shop.now += LASTS
    shop.sweep("close", "decide", "sheets", "refund", "fulfil")


def work(shop: GroupBench) -> None:
    """Be scheduler and worker until nothing is left to do, however long ago it was begun."""
    print(READY, flush=True)  # noqa: T201 - whoever kills us waits for it
    while shop.is_waiting():
        shop.sweep("decide", "refund", "close", "fulfil", "report")
        shop.relay()
        shop.now += timedelta(seconds=2)


if __name__ == "__main__":
    begin = make_begin(make_engine(os.environ["DATABASE_URL"]))
    at = datetime.fromisoformat(os.environ.get("NOW", LONG_AGO.isoformat()))
    shop = new_bench(begin, Path(os.environ["PLATFORMS"]), at)
    {"live": live, "refund": work}[sys.argv[1]](shop)
