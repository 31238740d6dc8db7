"""Plain codes for outside: unsold ones of a frozen batch, by the word of two persons, once.

Nothing here keeps a code in plain text: cards are marked first, and opened while they are read out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import Conflict, Forbidden
from kit.ids import new_id
from kit.lifecycle import move_many
from shop.approvals import queries as approvals
from shop.approvals.models import Approval, ApprovalKind, ApprovalStatus
from shop.approvals.queries import ApprovalNotFound
from shop.approvals.rules import StaleApproval
from shop.cards import queries
from shop.cards.batches import lock_cards, parts_of
from shop.cards.models import (
    CARD_LIFECYCLE,
    Batch,
    BatchStatus,
    Card,
    CardStatus,
    CodeExport,
    ExportedCard,
)
from shop.cards.service import CARDS
from shop.cards.vault import CardSecret, Vault, WrappedKey
from shop.operators.deeds import Doer

FETCHED_WITHIN: Final = timedelta(minutes=30)
AT_ONCE: Final = 500  # codes that are in memory in plain text
HOW_MANY: Final = "cards"  # the argument of a request that says how many codes it is about


class BatchNotFrozen(Conflict):
    """What may be sold does not leave the house."""

    code = "cards.batch_not_frozen"
    title = "Only codes of a frozen batch leave the house: freeze it first"
    message = "只能导出已冻结批次的卡密，请先冻结"


class NothingToExport(Conflict):
    """Every card of the batch is sold, held or set aside."""

    code = "cards.nothing_to_export"
    title = "No code of the batch is unsold and promised to nobody"
    message = "该批次没有未售出且未预留的卡密"


class NotYourExport(Forbidden):
    """Only who asked gets the codes."""

    code = "cards.not_your_export"
    title = "Only who asked for the codes gets them"
    message = "只有申请人可以下载卡密"


class ExportNotApproved(Conflict):
    """Nobody has approved it, or somebody refused."""

    code = "cards.export_not_approved"
    title = "No second person has approved this export"
    message = "该导出没有经过第二人批准"


class ExportTooLate(Conflict):
    """The time for fetching is over."""

    code = "cards.export_too_late"
    title = "The time for fetching the codes is over: ask again"
    message = "下载时间已过，请重新申请"


class AlreadyFetched(Conflict):
    """The codes were handed out."""

    code = "cards.already_fetched"
    title = "These codes were fetched already; another file takes another request"
    message = "卡密已经下载过，再次下载需要重新申请"


def foresee_export(session: Session, batch: Batch) -> int:
    """Return how many codes of the batch may leave the house now; nothing changes.

    Raises `BatchNotFrozen` or `NothingToExport`.
    """
    if batch.status is not BatchStatus.FROZEN:
        raise BatchNotFrozen
    count = session.scalar(select(func.count()).select_from(Card).where(_may_leave(batch))) or 0
    if count == 0:
        raise NothingToExport
    return count


def count_left_before(session: Session, batch: Batch) -> int:
    """Return how many codes of the batch left the house already; they would leave again."""
    left = and_(Card.batch_id == batch.id, Card.exported_at.is_not(None))
    return session.scalar(select(func.count()).select_from(Card).where(left)) or 0


def fetched_until(approval: Approval) -> datetime | None:
    """Return until when who asked may fetch the codes, or None if nobody may."""
    is_approved = approval.status is ApprovalStatus.CARRIED_OUT
    if approval.ended_at is None or not is_approved or approval.kind is not _KIND:
        return None
    return approval.ended_at + FETCHED_WITHIN


def check_fetch(session: Session, approval_id: UUID, *, by: Doer, now: datetime) -> Approval:
    """Return the approved request, locked, if they may fetch its codes now.

    Raises `ApprovalNotFound`, `NotYourExport`, `ExportNotApproved`, `AlreadyFetched` or
    `ExportTooLate`.
    """
    approval = approvals.lock_approval(session, approval_id)
    if approval.kind is not _KIND:
        raise ApprovalNotFound
    if by.operator_id is None or approval.asked_by_id != by.operator_id:
        raise NotYourExport
    until = fetched_until(approval)
    if until is None:
        raise ExportNotApproved
    if queries.find_export(session, approval.id) is not None:
        raise AlreadyFetched
    if now >= until:
        raise ExportTooLate
    return approval


def export_codes(
    session: Session, vault: Vault, approval_id: UUID, *, by: Doer, now: datetime
) -> CodeExport:
    """Mark the cards as gone for ever and write down who took them; `read_codes` opens them.

    Only after the caller's commit may a code be shown. Raises as `check_fetch` and
    `foresee_export` do, and `StaleApproval` when it would be other cards than were approved.
    """
    approval = check_fetch(session, approval_id, by=by, now=now)
    batch = queries.get_batch(session, UUID(approval.subject))
    lock_cards(session, batch)
    compare(approval, foresee_export(session, batch))
    _open(vault, batch)  # a key that is gone must not cost the cards
    export = _write_down(session, approval, batch, now=now)
    for part in parts_of(session, batch):
        _take_off(session, part, by=by, now=now)
        session.execute(
            insert(ExportedCard).from_select(
                ["export_id", "card_id"],
                select(literal(export.id), Card.id).where(part, _may_leave(batch)),
            )
        )
    return export


def compare(approval: Approval, count: int) -> None:
    """Raise `StaleApproval` unless it is about as many cards as were asked for."""
    if count != approval.arguments[HOW_MANY]:
        raise StaleApproval(asked_cards=approval.arguments[HOW_MANY], present_cards=count)


def read_codes(
    begin: Begin, vault: Vault, export: CodeExport
) -> Iterator[Sequence[tuple[Card, CardSecret]]]:
    """Yield the cards of an export with their codes, some at a time, as they stood in the file.

    No transaction waits for a slow reader. Raises `VaultBroken`.
    """
    last = -1
    while True:
        with begin() as session:
            batch = session.get_one(Batch, export.batch_id)
            cards = session.scalars(
                select(Card)
                .join(ExportedCard, ExportedCard.card_id == Card.id)
                .where(
                    Card.batch_id == batch.id,
                    Card.position > last,
                    ExportedCard.export_id == export.id,
                )
                .order_by(Card.position)
                .limit(AT_ONCE)
            ).all()
        if not cards:
            return
        key = vault.open_batch(batch.id, WrappedKey(batch.wrapped_key, batch.master_key_version))
        yield [(card, key.open(card.id, card.sealed)) for card in cards]
        last = cards[-1].position


def list_exports(
    session: Session, *, batch_id: UUID | None = None, card_id: UUID | None = None
) -> Sequence[Row[CodeExport, Approval]]:
    """Return the exports of a batch, or those that a card went out with, oldest first."""
    query = select(CodeExport, Approval).join(Approval, Approval.id == CodeExport.approval_id)
    if batch_id is not None:
        query = query.where(CodeExport.batch_id == batch_id)
    if card_id is not None:
        query = query.join(ExportedCard, ExportedCard.export_id == CodeExport.id).where(
            ExportedCard.card_id == card_id
        )
    return session.execute(query.order_by(CodeExport.id)).all()


_KIND: Final = ApprovalKind.EXPORT_CODES


def _may_leave(batch: Batch) -> ColumnElement[bool]:
    """Return the condition under which a card of a frozen batch may leave: unsold, unpromised.

    What left before may leave again, on another request: a file can be lost on its way.
    """
    is_unsold = and_(Card.status == CardStatus.FREE, Card.allotted_to.is_(None))
    left_before = and_(Card.status == CardStatus.VOID, Card.exported_at.is_not(None))
    return and_(Card.batch_id == batch.id, or_(is_unsold, left_before))


def _write_down(session: Session, approval: Approval, batch: Batch, *, now: datetime) -> CodeExport:
    export = CodeExport(
        id=new_id(),
        approval_id=approval.id,
        batch_id=batch.id,
        cards_count=approval.arguments[HOW_MANY],
        exported_by_id=approval.asked_by_id,
        approved_by_id=approval.decided_by_id,
        at=now,
    )
    session.add(export)
    session.flush()  # its cards name it
    return export


def _take_off(session: Session, part: ColumnElement[bool], *, by: Doer, now: datetime) -> None:
    move_many(
        session,
        CARDS,
        CARD_LIFECYCLE,
        and_(part, Card.allotted_to.is_(None)),
        old=CardStatus.FREE,
        to=CardStatus.VOID,
        at=now,
        actor=by.name,
        values={"exported_at": now, "is_sellable": False},
    )


def _open(vault: Vault, batch: Batch) -> None:
    vault.open_batch(batch.id, WrappedKey(batch.wrapped_key, batch.master_key_version))
