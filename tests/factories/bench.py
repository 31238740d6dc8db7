"""A shop on the workbench: rooms over memory platforms, a clock in the hand, and the auditor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import select

from app.auditing.audit import audit
from app.reactions import REACTIONS
from kit.db import Begin
from kit.ids import new_id
from kit.money import Fen
from kit.outbox import relay
from kit.sweep import Swept
from shop.cards import service as cards
from shop.cards.models import Card
from shop.cards.vault import Vault
from shop.catalog.models import (
    Product,
    ProductStatus,
    RefundRule,
    SaleChannel,
    Scenario,
    Sku,
    SkuKind,
)
from shop.members.models import Identity, Member, MemberStatus, SignIn
from shop.members.platforms import Platform
from shop.orders import jobs, notices, paying, queries, refunding, service
from shop.orders.models import Order, OrderLine
from shop.orders.receiving import Received, record_payment
from shop.orders.rules import LineWanted
from shop.payments import queries as payments
from shop.payments.gateway import Channel
from shop.payments.models import Payment, Refund, RefundReason
from shop.payments.rejections import Rejections
from shop.settlement import jobs as settlement
from tests.factories.desk import MemoryDesk
from tests.factories.platforms import MemoryPlatform
from tests.miniprogram_api.cards import import_codes

KEY: Final = b"k" * 32
PAY_WITHIN: Final = timedelta(minutes=15)
Sweep = Callable[["Bench", datetime], Swept]


@dataclass
class Bench:
    """Everything a test of the rooms needs; methods open their own transactions."""

    begin: Begin
    now: datetime
    platforms: dict[Channel, MemoryPlatform] = field(default_factory=dict)
    vault: Vault = field(default_factory=lambda: Vault({"v1": KEY}, current="v1", index_key=KEY))
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    failed: int = 0  # rows on which a sweep failed: it logs them and goes on

    def __post_init__(self) -> None:
        """Put a platform behind each channel, on the bench's clock."""
        for channel in Channel:
            self.platforms.setdefault(channel, MemoryPlatform(channel))
            self.platforms[channel].clock = lambda: self.now

    @property
    def wechat(self) -> MemoryPlatform:
        """Return the platform that most tests pay at."""
        return self.platforms[Channel.WECHAT_PAY]

    def member(self) -> UUID:
        """Return a new member who has signed in on both platforms."""
        with self.begin() as session:
            member = Member(id=new_id(), status=MemberStatus.ACTIVE, created_at=self.now)
            session.add(member)
            session.flush()
            for platform in Platform:
                session.add(
                    Identity(
                        id=new_id(),
                        member_id=member.id,
                        platform=platform,
                        app_id="app-1",
                        open_id=f"open-{member.id}",
                        created_at=self.now,
                    )
                )
            return member.id

    def sku(
        self,
        stock: int = 3,
        *,
        price_fen: int = 1000,
        refund_rule: RefundRule = RefundRule.UNTIL_REVEALED,
        **more: Any,
    ) -> UUID:
        """Put a SKU with fresh codes on sale and return its id."""
        with self.begin() as session:
            product = Product(
                id=new_id(),
                status=ProductStatus.PUBLISHED,
                title="游戏点卡",
                brand="Brand",
                scenario=Scenario.GAMING,
                pictures=[],
                created_at=self.now,
            )
            session.add(product)
            session.flush()
            sku = Sku(
                id=new_id(),
                product_id=product.id,
                kind=SkuKind.CARD_CODE,
                code=uuid4().hex,
                title="10 元",
                face_value_fen=Fen(1000),
                list_price_fen=Fen(price_fen),
                cost_fen=Fen(1),
                refund_rule=refund_rule,
                created_at=self.now,
                **({"on_sale": {channel.value: True for channel in SaleChannel}} | more),
            )
            session.add(sku)
        import_codes(self.begin, self.vault, sku.id, stock, now=self.now)
        return sku.id

    def place(self, member_id: UUID, *wanted: tuple[UUID, int]) -> UUID:
        """Place an order and return its id."""
        with self.begin() as session:
            return service.place_order(
                session,
                member_id=member_id,
                sale_channel=SaleChannel.H5,
                wanted=[LineWanted(sku_id, quantity) for sku_id, quantity in wanted],
                pay_within=PAY_WITHIN,
                now=self.now,
            ).id

    def start_payment(
        self, order_id: UUID, channel: Channel = Channel.WECHAT_PAY, on: SignIn | None = None
    ) -> Payment:
        """Open a trade of the order as its member does, on any device or on this one."""
        return paying.start_payment(
            self.begin,
            self.platforms,
            order_id=order_id,
            sign_in=on or SignIn(member_id=self.order(order_id).member_id),
            channel=channel,
            payer_hash_key=KEY,
            clock=lambda: self.now,
        )

    def open_trade(self, *wanted: tuple[UUID, int]) -> tuple[UUID, str]:
        """Have a new member order and open a trade; return order id and trade number."""
        order_id = self.place(self.member(), *(wanted or ((self.sku(), 1),)))
        return order_id, self.start_payment(order_id).out_trade_no

    def bought(self, *wanted: tuple[UUID, int]) -> UUID:
        """Have a new member order and pay, and return the id of the fulfilled order."""
        order_id, number = self.open_trade(*wanted)
        self.wechat.pay(number)
        self.notify(number)
        return order_id

    def notify(self, number: str, channel: Channel = Channel.WECHAT_PAY, **more: str) -> None:
        """Deliver the platform's notice about a trade."""
        self.deliver(self.platforms[channel].notice(number, **more), channel)

    def deliver(self, body: bytes, channel: Channel = Channel.WECHAT_PAY) -> None:
        """Deliver a genuine notice."""
        notices.receive_notice(
            self.begin,
            self.platforms[channel],
            headers={"X-Signature": "genuine"},
            body=body,
            payer_hash_key=KEY,
            clock=lambda: self.now,
            rejections=Rejections(),
        )

    def record(self, number: str, **changes: Any) -> Received:
        """Apply what the platform tells of a trade, or what it tells when it lies."""
        with self.begin() as session:
            trade = self.wechat.tell(number, **changes)
            return record_payment(session, trade, payer_hash_key=KEY, now=self.now)

    def cancel(self, order_id: UUID) -> None:
        """Cancel as the member does."""
        with self.begin() as session:
            service.cancel_order(session, queries.lock_order(session, order_id), now=self.now)

    def refund(self, order_id: UUID, **narrowed: Any) -> list[Refund]:
        """Ask for a refund as the member does."""
        with self.begin() as session:
            return refunding.refund_order(
                session,
                queries.lock_order(session, order_id),
                reason=RefundReason.MEMBER,
                now=self.now,
                **narrowed,
            )

    def reveal(self, order_id: UUID, index: int = 0) -> str:
        """Reveal a card of the order as its owner does."""
        return self.reveal_card(self.cards(order_id)[index])

    def reveal_card(self, card: Card) -> str:
        """Reveal a card as its owner does, who may have seen it in the list a while ago."""
        assert card.member_id is not None
        with self.begin() as session:
            return cards.reveal(
                session,
                self.vault,
                card_id=card.id,
                member_id=card.member_id,
                request_id="r",
                now=self.now,
            ).code

    def sweep(self, *only: str) -> None:
        """Run every sweep once, or only those named."""
        for name in only or SWEEPS:
            self.failed += SWEEPS[name](self, self.now).failed

    def recover(self, *, rounds: int = 40, step: timedelta = timedelta(seconds=61)) -> None:
        """Let time go on and the sweeps run until every order has come to an end."""
        for _ in range(rounds):
            self.now += step
            for platform in self.platforms.values():
                platform.finish_refunds()
            self.sweep()
            relay(self.begin, REACTIONS, now=self.now)
            if not self.is_waiting():
                return

    def is_waiting(self) -> bool:
        """Say whether any row waits for a sweep."""
        with self.begin() as session:
            return any(
                session.scalars(select(table).where(table.due_at.is_not(None)).limit(1)).first()
                for table in (Order, Payment, Refund)
            )

    def violations(self, *, with_books: bool = False) -> list[Mapping[str, Any]]:
        """Return what the auditor finds; with the platforms' books when nothing is under way."""
        told = self.books()
        with self.begin() as session:
            found = audit(session, self.vault, books=told if with_books else None, now=self.now)
        return list(found.violations)

    def books(self) -> dict[str, Any]:
        """Return the platforms' own books."""
        return {name: platform.books() for name, platform in self.platforms.items()}

    def order(self, order_id: UUID) -> Order:
        """Return the order as it stands."""
        with self.begin() as session:
            return session.get_one(Order, order_id)

    def lines(self, order_id: UUID) -> list[OrderLine]:
        """Return the order's lines."""
        with self.begin() as session:
            return list(queries.list_lines(session, [order_id]))

    def payments(self, order_id: UUID) -> list[Payment]:
        """Return the order's payments, oldest first."""
        with self.begin() as session:
            return list(payments.list_payments(session, order_id))

    def refunds(self, order_id: UUID) -> list[Refund]:
        """Return the order's refunds, oldest first."""
        with self.begin() as session:
            return list(payments.list_refunds(session, order_id))

    def cards(self, order_id: UUID) -> list[Card]:
        """Return the cards held by the order's lines."""
        held = select(Card).join(OrderLine, OrderLine.id == Card.order_line_id)
        with self.begin() as session:
            found = held.where(OrderLine.order_id == order_id).order_by(Card.id)
            return list(session.scalars(found))


def _keyed(job: Callable[..., Swept]) -> Sweep:
    """Return a sweep that asks the platforms, and knows payers by their hashes."""
    return lambda bench, now: job(bench.begin, bench.platforms, payer_hash_key=KEY, now=now)


SWEEPS: dict[str, Sweep] = {
    "ask": _keyed(jobs.ask_about_due_payments),
    "close": _keyed(jobs.close_due_orders),
    "fulfil": lambda bench, now: jobs.fulfil_due_orders(bench.begin, now=now),
    "refund": lambda bench, now: jobs.send_due_refunds(bench.begin, bench.platforms, now=now),
    "report": lambda bench, now: jobs.report_due_deliveries(
        bench.begin, bench.desk, payer_hash_key=KEY, now=now
    ),
    "reconcile": _keyed(settlement.reconcile_due_days),
}
