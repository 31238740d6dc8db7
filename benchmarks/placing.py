"""Placing orders in one process, beside a bare transaction that writes the same rows."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, update

from benchmarks.frame import Benchmark, Plan, interleave, rate
from benchmarks.ground import ground
from benchmarks.people import make_stock, sign_in
from benchmarks.report import Figure, compared
from kit.ids import new_id, new_number
from kit.lifecycle import StatusChange
from shop.cards.models import Card, CardStatus
from shop.catalog.models import SaleChannel, Sku
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.rules import LineWanted
from shop.orders.service import place_order
from shop.ports import Ports

NAME: Final = "spine.place_order"
LIMITED: Final = "spine.place_order_with_limits"
MEMBERS: Final = 200
PAY_WITHIN: Final = timedelta(minutes=15)
PLENTY: Final = 1_000_000
NOTE: Final = (
    "orders of one line placed one after the other in one process, durable commits;"
    " against: one SQLAlchemy transaction that inserts order, line and status change, and updates"
    " a card it knows by its id"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Measure on a site of its own."""
    with ground() as site:
        app_id = site.settings().wechat.app_id
        yield from measure(site.ports(), plan, app_id=app_id)


def measure(ports: Ports, plan: Plan, *, app_id: str) -> Iterable[Figure]:
    """Place orders of a SKU without and with limits per member, and write rows without the shop."""
    times = plan.size(400, quick=10)
    needed = times * (plan.rounds + 1)
    ids = [person.member_id for person in sign_in(ports, MEMBERS, app_id=app_id)]
    plain, limited, bare = (make_stock(ports, needed) for _ in range(3))
    _limit(ports, limited)
    acts = {
        "shop": _placing(ports, plain, cycle(ids)),
        "shop with limits": _placing(ports, limited, cycle(ids)),
        "bare": _bare(ports, bare, cycle(ids), _free_cards(ports, bare)),
    }
    for act in acts.values():
        rate(act, times=max(times // 4, 1))  # prepared statements and compiled queries are there
    ways = {name: partial(rate, act, times=times) for name, act in acts.items()}
    measured = interleave(ways, rounds=plan.rounds)
    for name, way in ((NAME, "shop"), (LIMITED, "shop with limits")):
        yield compared(
            name, measured[way], measured["bare"], unit="orders/s", note=NOTE, at_least=0.5
        )


def _placing(ports: Ports, sku: Sku, members: Iterator[UUID]) -> Callable[[], object]:
    wanted = [LineWanted(sku.id, 1)]

    def place() -> None:
        with ports.begin() as session:
            place_order(
                session,
                member_id=next(members),
                sale_channel=SaleChannel.H5,
                wanted=wanted,
                pay_within=PAY_WITHIN,
                now=ports.clock(),
            )

    return place


def _bare(
    ports: Ports, sku: Sku, members: Iterator[UUID], cards: Iterator[UUID]
) -> Callable[[], object]:
    def write() -> None:
        now, order_id, line_id, card_id = ports.clock(), new_id(), new_id(), next(cards)
        member_id = next(members)
        order = {
            "id": order_id,
            "order_no": new_number("TO", now=now),
            "member_id": member_id,
            "sale_channel": SaleChannel.H5,
            "status": OrderStatus.PENDING,
            "total_fen": sku.list_price_fen,
            "placed_at": now,
            "pay_by": now + PAY_WITHIN,
            "due_at": now + PAY_WITHIN,
        }
        line = {
            "id": line_id,
            "order_id": order_id,
            "position": 0,
            "member_id": member_id,
            "sku_id": sku.id,
            "quantity": 1,
            "unit_price_fen": sku.list_price_fen,
            "total_fen": sku.list_price_fen,
            "snapshot": {"sku_title": sku.title},
        }
        step = {"kind": "card", "row_id": card_id, "old": "free", "new": "reserved"}
        with ports.begin() as session:
            session.execute(insert(Order), [order])
            session.execute(insert(OrderLine), [line])
            session.execute(
                update(Card)
                .where(Card.id == card_id)
                .values(status=CardStatus.RESERVED, order_line_id=line_id)
            )
            session.execute(insert(StatusChange), [{**step, "at": now, "actor": "bench"}])

    return write


def _limit(ports: Ports, sku: Sku) -> None:
    with ports.begin() as session:
        session.execute(
            update(Sku).where(Sku.id == sku.id).values(limit_per_day=PLENTY, limit_ever=PLENTY)
        )


def _free_cards(ports: Ports, sku: Sku) -> Iterator[UUID]:
    with ports.begin() as session:
        return iter(session.scalars(select(Card.id).where(Card.sku_id == sku.id)).all())


BENCHMARK: Final = Benchmark((NAME, LIMITED), run)
