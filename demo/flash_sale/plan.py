"""The flash sale as an operator plans it, publishes it, and watches it."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from demo import commands
from demo.chronicle import Deal
from demo.flash_sale.crowd import LIMIT
from demo.sale_record import SaleRecord

NAME: Final = "限时秒杀"
LIST_PRICE_FEN: Final = 2000
PRICE_FEN: Final = 1490
LONGEST_ARRIVAL: Final = timedelta(minutes=2)
# The command that publishes takes a few seconds of its own: this, or twice the last command.
PUBLISHED_WITHIN: Final = timedelta(seconds=8)
SHARDS: Final = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How much time the sale gives its members: as much as they need on this machine tonight."""

    warm_up: timedelta
    pay_within: timedelta
    offered_for: timedelta

    @classmethod
    def after(cls, arriving: timedelta) -> "Pace":
        """Return the pace for a crowd that took so long to sign in."""
        seconds = int(min(arriving, LONGEST_ARRIVAL).total_seconds())
        return cls(
            warm_up=timedelta(seconds=6 + seconds * 3 // 4),
            pay_within=timedelta(seconds=13 + seconds // 3),
            offered_for=timedelta(seconds=8 + seconds // 10),
        )

    @property
    def serious_after(self) -> timedelta:
        """Return how long after the opening nobody trifles any more: everything lapsed once."""
        return self.pay_within + self.offered_for + timedelta(seconds=4)

    @property
    def lasts(self) -> timedelta:
        """Return how long the sale goes on: those who were offered units late can pay, too."""
        return self.serious_after + 2 * self.pay_within + self.offered_for


def plan(folder: Path, *, stock: int, pace: Pace) -> SaleRecord:
    """Make something to sell and publish the sale, which opens by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    since = datetime.now(UTC)
    sku = commands.make_sku(stock=stock, price_fen=LIST_PRICE_FEN)["sku_id"]
    published_within = max(PUBLISHED_WITHIN, 2 * (datetime.now(UTC) - since))
    soonest = datetime.now(UTC) + published_within + pace.warm_up
    starts_at = datetime.fromtimestamp(math.ceil(soonest.timestamp()), UTC)
    content = {
        "kind": "flash_sale",
        "name": NAME,
        "warms_at": (starts_at - pace.warm_up).isoformat(),
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + pace.lasts).isoformat(),
        "items": [{"sku_id": sku, "deal_price_fen": PRICE_FEN, "allotment": stock}],
        "limit_per_member": LIMIT,
        "pay_within_seconds": int(pace.pay_within.total_seconds()),
        "rules_text": "每人限购两件;未按时付款的名额转给候补。",
        "flash": {"offer_seconds": int(pace.offered_for.total_seconds()), "shards": SHARDS},
    }
    file = folder / "sale.json"
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    words = ("campaigns", "schedule", str(file), "--by", "op-a", "--approved-by", "op-b")
    campaign_id = commands.must(*words).split()[-1]
    return SaleRecord(Deal(NAME, campaign_id, sku, stock), LIMIT, starts_at)


@contextmanager
def watched(sale: SaleRecord) -> Iterator[None]:
    """Keep what the operator sees of the sale, about once a second."""
    words = ("flash-sale", "live", sale.campaign_id, "--every", "1")
    with commands.watching(*words, heard=lambda line: sale.looks.append(json.loads(line))):
        yield


def is_all_claimed(sale: SaleRecord) -> bool:
    """Say whether nothing is left, or somebody waits for it."""
    return not sale.looks or sale.looks[-1]["left"] == 0 or sale.looks[-1]["waiting"] > 0


def is_all_paid(sale: SaleRecord) -> bool:
    """Say whether the operator sees that everything is sold and paid for."""
    if not sale.looks:
        return False
    look = sale.looks[-1]
    return bool(look["sold"] == sale.stock and look["paid_percent"] == 100)
