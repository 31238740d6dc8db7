"""A process that does everything once and is killed somewhere: `python -m tests.faults.child`.

What the platforms know outlives it, in files, as it would in reality.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kit.db import Begin, make_begin, make_engine
from shop.cards.rotation import rotate
from shop.cards.vault import Vault
from shop.payments.gateway import Channel
from tests.factories.bench import KEY, PAY_WITHIN, Bench
from tests.factories.platforms import MemoryPlatform

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def new_bench(begin: Begin, folder: Path) -> Bench:
    """Return a shop whose platforms remember what is in the folder."""
    platforms = {
        channel: MemoryPlatform(channel, file=folder / channel.value) for channel in Channel
    }
    for platform in platforms.values():
        platform.load()
    keys = {"v1": KEY, "v2": b"2" * 32}
    vault = Vault(keys, current="v1", index_key=KEY)
    return Bench(begin, START, platforms=platforms, vault=vault)


def live(shop: Bench) -> None:
    """Import, place, pay by notice and by query, reveal, give back, cancel, lapse, rotate."""
    order_id, number = shop.open_trade((shop.sku(4), 3))
    shop.wechat.pay(number)
    shop.notify(number)
    shop.reveal(order_id)
    shop.refund(order_id, line_id=shop.lines(order_id)[0].id, quantity=1)
    shop.sweep("refund", "report")
    asked = shop.place(shop.member(), (shop.sku(1), 1))
    alipay = shop.start_payment(asked, Channel.ALIPAY).out_trade_no
    shop.platforms[Channel.ALIPAY].pay(alipay)
    shop.now += timedelta(seconds=30)
    shop.sweep("ask")
    shop.cancel(shop.open_trade()[0])
    shop.open_trade()
    shop.now += PAY_WITHIN
    shop.sweep("close")
    next_vault = Vault({"v1": KEY, "v2": b"2" * 32}, current="v2", index_key=KEY)
    rotate(shop.begin, next_vault)


if __name__ == "__main__":
    begin = make_begin(make_engine(os.environ["DATABASE_URL"]))
    live(new_bench(begin, Path(os.environ["PLATFORMS"])))
