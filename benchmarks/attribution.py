"""What attribution and commission add to an order, from its placing to its last handler."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, select

from app.reactions import REACTIONS
from benchmarks.frame import Benchmark, Plan, interleave
from benchmarks.ground import ground
from benchmarks.people import make_stock, sign_in
from benchmarks.report import Figure, compared
from kit.outbox import Reactions, relay
from shop.catalog.models import SaleChannel
from shop.members import leaders
from shop.orders.paying import start_payment
from shop.orders.receiving import record_payment
from shop.orders.rules import LineWanted
from shop.orders.service import place_order
from shop.payments.gateway import Channel, Prepay, Trade, TradeState
from shop.payments.models import Payment
from shop.ports import Ports
from shop.referral import service as referral
from shop.referral.handlers import attribute_order_when_paid
from shop.referral.models import Commission

NAME: Final = "outreach.attribution"
MEMBERS: Final = 50
NOTE: Final = (
    "milliseconds for an order of one line from placing over payment and delivery to the last"
    " handler of its news, in one process without a platform, median of {times}, durable commits,"
    " by members whom a leader brought, who earns on each; against: by members whom nobody brought,"
    " with no handler that attributes"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Measure on a site of its own."""
    with ground() as site:
        yield measure(site.ports(), plan, app_id=site.settings().wechat.app_id)


def measure(ports: Ports, plan: Plan, *, app_id: str) -> Figure:
    """Sell to both kinds of members in turn."""
    times = plan.size(60, quick=2)
    sku_id = make_stock(ports, 2 * times * (plan.rounds + 1)).id
    brought, others = (
        [person.member_id for person in sign_in(ports, MEMBERS, app_id=app_id)] for _ in range(2)
    )
    _bring(ports, brought, app_id=app_id)
    without: Reactions = {
        event: [handler for handler in handlers if handler is not attribute_order_when_paid]
        for event, handlers in REACTIONS.items()
    }
    ways: dict[str, Callable[[], float]] = {
        "brought": partial(_selling, ports, sku_id, cycle(brought), REACTIONS, times),
        "others": partial(_selling, ports, sku_id, cycle(others), without, times),
    }
    for way in ways.values():
        way()
    measured = interleave(ways, rounds=plan.rounds)
    with ports.begin() as session:
        earned = session.scalar(select(func.count()).select_from(Commission))
    if earned != times * (plan.rounds + 1):
        raise AssertionError(f"{earned} commissions")
    note = NOTE.format(times=times)
    return compared(
        NAME, measured["brought"], measured["others"], unit="ms", note=note, at_most=1.1
    )


def _bring(ports: Ports, member_ids: Iterable[UUID], *, app_id: str) -> None:
    """Have a leader, who earns a tenth on everything, bring the members."""
    (leader,) = sign_in(ports, 1, app_id=app_id)
    now = ports.clock()
    with ports.begin() as session:
        leaders.approve_leader(session, leader.member_id, now=now)
        referral.add_rule(
            session, basis_points=1000, holds_days=7, starts_at=now, actor="bench", now=now
        )
        invite = referral.give_invite(session, leader.member_id, campaign_id=None, now=now)
    for member_id in member_ids:
        with ports.begin() as session:
            referral.open_invite(session, invite.code, member_id=member_id, now=ports.clock())


def _selling(
    ports: Ports, sku_id: UUID, members: Iterator[UUID], reactions: Reactions, times: int
) -> float:
    """Return the median milliseconds of a sale."""
    took: list[float] = []
    for _ in range(times):
        started = perf_counter()
        _sell(ports, sku_id, next(members))
        while relay(ports.begin, reactions, now=ports.clock()):
            pass
        took.append((perf_counter() - started) * 1000)
    return median(took)


class _Till:
    """A platform that takes every trade and asks for nothing: what it costs is not measured."""

    channel = Channel.WECHAT_PAY
    app_id = ""
    merchant_id = "bench"

    def prepay(self, *, out_trade_no: str, **_: object) -> Prepay:
        """Open a trade."""
        return Prepay(out_trade_no, {})


def _sell(ports: Ports, sku_id: UUID, member_id: UUID) -> None:
    """Have a member order, and pay with a purse of their own; the card is delivered."""
    gateway = ports.gateways[Channel.WECHAT_PAY]
    till = _Till()
    till.app_id = gateway.app_id
    with ports.begin() as session:
        order = place_order(
            session,
            member_id=member_id,
            sale_channel=SaleChannel.H5,
            wanted=[LineWanted(sku_id, 1)],
            pay_within=ports.pay_within,
            now=ports.clock(),
        )
    payment = start_payment(
        ports.begin,
        {Channel.WECHAT_PAY: till},  # type: ignore[dict-item] # nothing else of it is called
        order_id=order.id,
        member_id=member_id,
        channel=Channel.WECHAT_PAY,
        payer_hash_key=ports.payer_hash_key,
        clock=ports.clock,
    )
    with ports.begin() as session:
        record_payment(
            session,
            _paid(payment, member_id, ports),
            payer_hash_key=ports.payer_hash_key,
            now=ports.clock(),
        )


def _paid(payment: Payment, member_id: UUID, ports: Ports) -> Trade:
    return Trade(
        channel=payment.channel,
        app_id=payment.app_id,
        merchant_id=payment.merchant_id,
        out_trade_no=payment.out_trade_no,
        state=TradeState.PAID,
        transaction_no=uuid4().hex,
        total_fen=payment.amount_fen,
        currency="CNY",
        payer_ref=f"purse-{member_id}",
        paid_at=ports.clock(),
    )


BENCHMARK: Final = Benchmark((NAME,), run)
