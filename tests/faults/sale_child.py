"""A process that sells in a flash and is killed somewhere: `python -m tests.faults.sale_child`.

What the platforms know outlives it, in files, as it would in reality.
"""

import os
from datetime import datetime
from pathlib import Path

from flash_sale.models import SaleMode
from kit.db import Begin, make_begin, make_engine
from shop.payments.gateway import Channel
from tests.factories.platforms import MemoryPlatform
from tests.factories.sales import LONG_AGO, OFFER, WINDOW, Deal, SaleBench


def new_bench(begin: Begin, folder: Path, now: datetime = LONG_AGO) -> SaleBench:
    """Return a shop whose platforms remember what is in the folder."""
    platforms = {
        channel: MemoryPlatform(channel, file=folder / channel.value) for channel in Channel
    }
    for platform in platforms.values():
        platform.load()
    return SaleBench(begin, now, platforms=platforms)


def live(shop: SaleBench) -> None:
    """Claim in batches, pay, lapse, offer, take, let an offer lapse; draw, and take that."""
    campaign_id = shop.sale(Deal(units=4, limit=2))
    lottery = shop.sale(Deal(units=1, terms={"mode": SaleMode.LOTTERY}))
    shop.commit(campaign_id, shop.wanted(), shop.wanted(quantity=2))
    last = shop.claimed(campaign_id)
    shop.pay(last.order_id)
    first, second, third = (shop.wait(campaign_id) for _ in range(3))
    for _ in range(3):
        shop.wait(lottery)
    shop.lapse(shop.claims(campaign_id)[0].order_id)
    shop.pay(shop.take(first).order_id)
    shop.take(second)
    shop.leave(third)
    shop.now = LONG_AGO + WINDOW
    shop.sweep("close", "turn")
    shop.relay()
    winner = next(wait for wait in shop.waits(lottery) if wait.rank == 1)
    shop.take(winner)
    shop.now += OFFER
    shop.sweep("lapse", "offer")


if __name__ == "__main__":
    begin = make_begin(make_engine(os.environ["DATABASE_URL"]))
    live(new_bench(begin, Path(os.environ["PLATFORMS"])))
