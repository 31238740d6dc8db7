"""Two operators and a frozen batch: codes asked for, approved by another, fetched."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from app.approvable import actions
from kit.ids import new_id
from shop.approvals import service
from shop.approvals.models import Approval, ApprovalKind, ApprovalStatus
from shop.approvals.rules import Wanted
from shop.cards import exporting, queries
from shop.cards.batches import freeze_batch, unfreeze_batch
from shop.cards.models import Card
from shop.operators import queries as operators
from shop.operators.deeds import Doer
from shop.operators.models import Operator, OperatorStatus
from tests.shop.cards.stock import Stock


class ExportDesk:
    """The stock's batches, an operator who asks for codes, another who approves."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.asker = self.person("planner")
        self.second = self.person("owner")

    def person(self, *roles: str) -> Doer:
        """Make an operator."""
        operator = Operator(
            id=new_id(),
            name=f"op-{new_id().hex[-8:]}",
            status=OperatorStatus.ACTIVE,
            roles=list(roles),
            password_hash="none",
            totp_sealed=b"",
            created_by="tests",
            created_at=self.stock.now - timedelta(days=1),
        )
        with self.stock.begin() as session:
            session.add(operator)
        return Doer(operator.name, operator.id)

    def frozen(self, *codes: str, count: int = 3) -> UUID:
        """Add a batch, freeze it and return its id."""
        batch_id = self.stock.add(*codes, count=count).batch_id
        self.freeze(batch_id)
        return batch_id

    def freeze(self, batch_id: UUID) -> None:
        """Freeze a batch."""
        with self.stock.begin() as session:
            batch = queries.get_batch(session, batch_id)
            freeze_batch(session, batch, actor="test", now=self.stock.now)

    def unfreeze(self, batch_id: UUID) -> None:
        """Put it on sale again."""
        with self.stock.begin() as session:
            batch = queries.get_batch(session, batch_id)
            unfreeze_batch(session, batch, actor="test", now=self.stock.now)

    def ask(self, batch_id: UUID, *, cards: int | None = None) -> UUID:
        """Ask for its codes, or for another number of them."""
        with self.stock.begin() as session:
            batch = queries.get_batch(session, batch_id)
            count = exporting.foresee_export(session, batch) if cards is None else cards
            wanted = Wanted(
                kind=ApprovalKind.EXPORT_CODES,
                subject=str(batch_id),
                arguments={exporting.HOW_MANY: count},
                amount_fen=None,
                why="退还供应商",
            )
            asker = operators.get_operator(session, cast("UUID", self.asker.operator_id))
            return service.ask(session, wanted, by=asker, now=self.stock.now).id

    def approve(self, approval_id: UUID) -> ApprovalStatus:
        """Say yes as the second person."""
        with self.stock.begin() as session:
            return service.approve(
                session,
                approval_id,
                # An export needs no port; what SKUs lose is reckoned with the fee.
                actions=actions(cast("Any", SimpleNamespace(fee_basis_points=0))),
                doer=self.second,
                now=self.stock.now,
            ).status

    def approved(self, batch_id: UUID) -> UUID:
        """Ask, approve, and return the request's id."""
        approval_id = self.ask(batch_id)
        assert self.approve(approval_id) is ApprovalStatus.CARRIED_OUT, self.outcome(approval_id)
        return approval_id

    def outcome(self, approval_id: UUID) -> Any:
        """Return what became of a request."""
        with self.stock.begin() as session:
            return session.get_one(Approval, approval_id).outcome

    def fetch(self, approval_id: UUID, *, by: Doer | None = None) -> list[str]:
        """Fetch the codes, and return them as they stand in the file."""
        with self.stock.begin() as session:
            export = exporting.export_codes(
                session, self.stock.vault, approval_id, by=by or self.asker, now=self.stock.now
            )
        read = exporting.read_codes(self.stock.begin, self.stock.vault, export)
        return [secret.code for some in read for _card, secret in some]

    def cards(self, batch_id: UUID) -> list[Card]:
        """Return the cards of a batch in their order."""
        with self.stock.begin() as session:
            return list(queries.list_batch_cards(session, batch_id, after=-1, limit=1000))
