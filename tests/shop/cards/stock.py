"""A shelf of cards over a real database: SKUs, batches, orders' lines, for the vault's tests."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

import app.tables  # noqa: F401 - the foreign keys name tables of every room
from kit.crypto import new_key
from kit.db import Begin
from kit.ids import new_id
from kit.lifecycle import StatusChange
from kit.money import Fen
from shop.cards import service as cards
from shop.cards.batches import Added, NewCard, Origin, add_batch
from shop.cards.models import Batch, Card, CardStatus
from shop.cards.service import Revealed
from shop.cards.vault import CardSecret, Vault
from shop.catalog import service as catalog
from shop.catalog.models import SaleChannel, Scenario, SkuKind
from shop.catalog.rules import SkuTerms
from shop.members.models import Member, MemberStatus
from shop.orders.models import Order, OrderLine, OrderStatus

TERMS = SkuTerms(face_value_fen=Fen(1000), list_price_fen=Fen(900), cost_fen=Fen(800))


def make_vault() -> Vault:
    """Return a vault with keys of its own."""
    return Vault({"v1": new_key()}, current="v1", index_key=new_key())


@dataclass
class Stock:
    """One SKU, its cards, and members who order them."""

    begin: Begin
    now: datetime
    vault: Vault = field(default_factory=make_vault)

    def __post_init__(self) -> None:
        """Make the SKU and a member."""
        self.sku_code = uuid4().hex
        self.sku_id = self.make_sku(self.sku_code)
        self.member_id = self.make_member()

    def make_sku(self, code: str) -> UUID:
        """Make a product with one SKU."""
        with self.begin() as session:
            product = catalog.add_product(
                session, title="点卡", brand="Brand", scenario=Scenario.GAMING, now=self.now
            )
            sku = catalog.add_sku(
                session,
                product,
                code=code,
                title="10 元",
                kind=SkuKind.CARD_CODE,
                terms=TERMS,
                now=self.now,
            )
            return sku.id

    def make_member(self) -> UUID:
        """Make a member."""
        with self.begin() as session:
            member = Member(id=new_id(), status=MemberStatus.ACTIVE, created_at=self.now)
            session.add(member)
            return member.id

    def add(
        self,
        *codes: str,
        count: int = 0,
        expires_at: datetime | None = None,
        sku: UUID | None = None,
    ) -> Added:
        """Add a batch of these codes, or of `count` fresh ones."""
        wanted: Sequence[str] = codes or [uuid4().hex for _ in range(count)]
        new = [
            NewCard(line, CardSecret(code), expires_at) for line, code in enumerate(wanted, start=1)
        ]
        with self.begin() as session:
            return add_batch(
                session,
                self.vault,
                sku_id=sku or self.sku_id,
                cards=new,
                origin=Origin("codes.csv", uuid4().hex * 2, "supplier"),
                now=self.now,
            )

    def line(self, *, quantity: int = 1, sku: UUID | None = None) -> UUID:
        """Write an order of one line, with nothing reserved for it yet."""
        with self.begin() as session:
            order = Order(
                id=new_id(),
                order_no=uuid4().hex,
                member_id=self.member_id,
                sale_channel=SaleChannel.H5,
                status=OrderStatus.PENDING,
                total_fen=Fen(900 * quantity),
                placed_at=self.now,
                pay_by=self.now + timedelta(minutes=15),
            )
            session.add(order)
            session.flush()
            line = OrderLine(
                id=new_id(),
                order_id=order.id,
                position=0,
                member_id=self.member_id,
                sku_id=sku or self.sku_id,
                quantity=quantity,
                unit_price_fen=Fen(900),
                total_fen=Fen(900 * quantity),
                snapshot={},
            )
            session.add(line)
            return line.id

    def reserve(self, line: UUID, quantity: int = 1, *, sku: UUID | None = None) -> None:
        """Reserve cards for a line in a transaction of its own."""
        with self.begin() as session:
            cards.reserve(
                session,
                sku_id=sku or self.sku_id,
                order_line_id=line,
                quantity=quantity,
                now=self.now,
            )

    def release(self, line: UUID) -> int:
        """Release what is reserved for a line."""
        with self.begin() as session:
            return cards.release(session, order_line_ids=[line], now=self.now, actor="test")

    def deliver(self, line: UUID) -> int:
        """Deliver what is reserved for a line."""
        with self.begin() as session:
            return cards.deliver(
                session,
                order_line_ids=[line],
                member_id=self.member_id,
                now=self.now,
                actor="test",
            )

    def take_back(self, line: UUID, quantity: int | None = None) -> int:
        """Take back what is delivered for a line."""
        with self.begin() as session:
            return cards.take_back(
                session, order_line_id=line, quantity=quantity, now=self.now, actor="test"
            )

    def reveal(self, card_id: UUID, *, member_id: UUID | None = None) -> Revealed:
        """Reveal a card to its owner, or to somebody else."""
        with self.begin() as session:
            return cards.reveal(
                session,
                self.vault,
                card_id=card_id,
                member_id=member_id or self.member_id,
                request_id="request",
                now=self.now,
            )

    def sold(self, quantity: int = 1) -> tuple[UUID, list[UUID]]:
        """Deliver cards to a new line; return it and the cards."""
        line = self.line(quantity=quantity)
        self.reserve(line, quantity)
        assert self.deliver(line) == quantity
        return line, self.cards_of(line)

    def cards_of(self, line: UUID) -> list[UUID]:
        """Return the cards of a line, whatever their state."""
        with self.begin() as session:
            found = select(Card.id).where(Card.order_line_id == line).order_by(Card.id)
            return list(session.scalars(found))

    def counts(self) -> dict[str, int]:
        """Return how many cards of all SKUs have each status."""
        with self.begin() as session:
            return dict(Counter(status.value for status in session.scalars(select(Card.status))))

    def batch(self, batch_id: UUID) -> Batch:
        """Return a batch as it stands."""
        with self.begin() as session:
            return session.get_one(Batch, batch_id, populate_existing=True)

    def check(self) -> None:
        """Raise unless stock adds up and each card's steps lead to its state (I18, I19, I20)."""
        with self.begin() as session:
            for batch in session.scalars(select(Batch).where(Batch.status != "undone")):
                count = select(func.count()).where(Card.batch_id == batch.id)
                assert session.scalar(count) == batch.cards_count
            steps = session.execute(select(StatusChange).order_by(StatusChange.seq)).scalars()
            last: dict[UUID, str] = {}
            for step in steps:
                assert last.get(step.row_id, step.old) == step.old, "a step is missing"
                last[step.row_id] = step.new
            for card in session.scalars(select(Card)):
                assert last.get(card.id, CardStatus.FREE.value) == card.status.value
