"""The campaigns of the evening, planned by the operator's commands and left to the scheduler."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from demo import commands
from demo.chronicle import Deal
from demo.evening import Evening

OPENS_AFTER: Final = timedelta(seconds=12)
LASTS: Final = timedelta(seconds=60)
LIST_PRICE_FEN: Final = 2000
COMMANDS_AT_ONCE: Final = 3
LONGEST_WAIT_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Planned:
    """What an operator decides; `group` is how its groups work."""

    name: str
    price_fen: int
    stock: int
    group: dict[str, Any] = field(default_factory=dict)
    pay_within_seconds: int = 40


@dataclass(frozen=True, slots=True)
class Sample:
    """What `flask sample campaign` is asked for."""

    name: str
    price_fen: int
    stock: int
    seats: int
    group_lasts: int
    pay_within: int


# Its groups all form; three commands of operators fit into that time on a busy machine, too.
TRIO: Final = Planned(
    "三人团", 1600, 24, {"seats": 3, "lasts_seconds": 180, "initiator_price_fen": 1500}
)
LADDER: Final = Planned(
    "阶梯团",
    1700,
    8,
    {
        "seats": 2,
        "lasts_seconds": 25,
        "ladder": [
            {"seats": 2, "price_fen": 1700},
            {"seats": 3, "price_fen": 1600},
            {"seats": 4, "price_fen": 1450},
        ],
    },
)
PLANS: Final = (TRIO, LADDER)
# Nobody finds five in so short a time.
HOPELESS: Final = Sample("五人团", 1500, 15, seats=5, group_lasts=16, pay_within=40)
HASTY: Final = Sample("双人团", 1650, 16, seats=2, group_lasts=35, pay_within=8)
SAMPLES: Final = (HOPELESS, HASTY)


def plan_deals(folder: Path) -> list[Deal]:
    """Make something to sell for each plan and publish it; they open by themselves."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(COMMANDS_AT_ONCE) as pool:
        planned = [
            pool.submit(_publish, folder / f"deal-{number}.json", plan)
            for number, plan in enumerate(PLANS)
        ]
        sampled = [pool.submit(make_sample, sample) for sample in SAMPLES]
        return [job.result() for job in (*planned, *sampled)]


def await_status(evening: Evening, deal: Deal, *statuses: str) -> bool:
    """Wait until the scheduler has brought the campaign there."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    watcher = evening.phone("wechat")
    while time.monotonic() < until:
        deal.seen = watcher.campaign(deal.campaign_id).body
        if deal.seen.get("status") in statuses:
            return True
        time.sleep(0.3)
    return False


def see_them_end(evening: Evening) -> None:
    """Wait until each campaign is settled, and look at what is for sale again."""
    for deal in evening.deals:
        await_status(evening, deal, "settled")
        product_id = (deal.seen or {})["items"][0]["product_id"]
        product = evening.phone("wechat").product(product_id).body
        deal.left = sum(sku["stock_left"] for sku in product.get("skus", []))


def _publish(file: Path, plan: Planned) -> Deal:
    sku = commands.make_sku(stock=plan.stock, price_fen=LIST_PRICE_FEN)["sku_id"]
    starts_at = datetime.now(UTC) + OPENS_AFTER
    content = {
        "kind": "group_buy",
        "name": plan.name,
        "warms_at": (starts_at - timedelta(seconds=4)).isoformat(),
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + LASTS).isoformat(),
        "items": [{"sku_id": sku, "deal_price_fen": plan.price_fen, "allotment": plan.stock}],
        "limit_per_member": 5,
        "pay_within_seconds": plan.pay_within_seconds,
        "rules_text": "人满成团;到时未满,原路退款。",
        "group": plan.group,
    }
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    # The lowest price is below cost: a second person says yes.
    words = ("campaigns", "schedule", str(file), "--by", "op-a", "--approved-by", "op-b")
    return Deal(plan.name, commands.must(*words).split()[-1], sku, plan.stock)


def make_sample(sample: Sample) -> Deal:
    """Have a campaign made with cards of its own; it opens by itself."""
    given = {
        "kind": "group_buy",
        "stock": sample.stock,
        "limit": 5,
        "price-fen": sample.price_fen,
        "seats": sample.seats,
        "group-lasts": sample.group_lasts,
        "pay-within": sample.pay_within,
        "opens-in": int(OPENS_AFTER.total_seconds()),
        "lasts": int(LASTS.total_seconds()),
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    ids = json.loads(commands.must("sample", "campaign", *words))
    return Deal(sample.name, ids["campaign_id"], ids["sku_id"], sample.stock)
