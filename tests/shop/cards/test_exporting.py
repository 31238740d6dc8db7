"""Codes that leave the house: by two words, once, in time, and never sold afterwards."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from kit.ids import new_id
from kit.lifecycle import StatusChange
from shop.approvals import service as approvals
from shop.approvals.models import ApprovalStatus
from shop.approvals.queries import ApprovalNotFound
from shop.approvals.rules import AlreadyAsked, StaleApproval
from shop.cards import allotments, exporting, queries
from shop.cards.batches import BatchInUse, foresee_undo
from shop.cards.exporting import (
    FETCHED_WITHIN,
    AlreadyFetched,
    BatchNotFrozen,
    ExportNotApproved,
    ExportTooLate,
    NothingToExport,
    NotYourExport,
)
from shop.cards.models import Card, CardStatus, CodeExport, ExportedCard
from shop.cards.service import OutOfStock
from shop.cards.vault import VaultBroken
from shop.operators.deeds import Doer
from tests.factories.code_exports import ExportDesk
from tests.shop.cards.stock import Stock, make_vault


@pytest.fixture
def desk(stock: Stock) -> ExportDesk:
    """Return a desk of which nothing stays."""
    return ExportDesk(stock)


class TestAsking:
    def test_takes_a_frozen_batch(self, desk: ExportDesk) -> None:
        batch_id = desk.stock.add(count=2).batch_id
        with pytest.raises(BatchNotFrozen):
            desk.ask(batch_id)

    def test_takes_something_unsold(self, desk: ExportDesk) -> None:
        batch_id = desk.stock.add(count=2).batch_id
        desk.stock.sold()
        desk.stock.reserve(desk.stock.line())
        desk.freeze(batch_id)
        with pytest.raises(NothingToExport):
            desk.ask(batch_id)

    def test_leaves_what_is_set_aside_to_whom_it_was_promised(self, desk: ExportDesk) -> None:
        batch_id = desk.stock.add(count=3).batch_id
        with desk.stock.begin() as session:
            allotments.set_aside(
                session,
                sku_id=desk.stock.sku_id,
                allotted_to=new_id(),
                quantity=2,
                now=desk.stock.now,
            )
        desk.freeze(batch_id)
        assert len(desk.fetch(desk.approved(batch_id))) == 1
        assert desk.stock.counts() == {"free": 2, "void": 1}

    def test_another_cannot_ask_for_the_same(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen()
        desk.ask(batch_id)
        desk.asker = desk.second
        with pytest.raises(AlreadyAsked):
            desk.ask(batch_id)

    def test_what_changed_meanwhile_fails(self, desk: ExportDesk) -> None:
        for spoil in (desk.unfreeze, lambda _batch_id: None):
            batch_id = desk.frozen()
            approval_id = desk.ask(batch_id, cards=3 if spoil == desk.unfreeze else 2)
            spoil(batch_id)
            assert desk.approve(approval_id) is ApprovalStatus.FAILED
            with pytest.raises(ExportNotApproved):
                desk.fetch(approval_id)


class TestFetching:
    def test_h133_who_asked_gets_every_unsold_code_once(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen("code-1", "code-2", "code-3")
        approval_id = desk.approved(batch_id)
        assert desk.fetch(approval_id) == ["code-1", "code-2", "code-3"]
        assert desk.stock.counts() == {"void": 3}
        with pytest.raises(AlreadyFetched):
            desk.fetch(approval_id)

    def test_h133_nobody_else_gets_them(self, desk: ExportDesk) -> None:
        approval_id = desk.approved(desk.frozen())
        for other in (desk.second, desk.person("owner"), Doer("command")):
            with pytest.raises(NotYourExport):
                desk.fetch(approval_id, by=other)
        assert desk.stock.counts() == {"free": 3}

    def test_h133_not_before_somebody_approved(self, desk: ExportDesk) -> None:
        approval_id = desk.ask(desk.frozen())
        with pytest.raises(ExportNotApproved):
            desk.fetch(approval_id)
        with desk.stock.begin() as session:
            approvals.withdraw(session, approval_id, doer=desk.asker, now=desk.stock.now)
        with pytest.raises(ExportNotApproved):
            desk.fetch(approval_id)
        with pytest.raises(ApprovalNotFound):
            desk.fetch(new_id())

    def test_not_after_its_time(self, desk: ExportDesk) -> None:
        early, late = desk.approved(desk.frozen()), desk.approved(desk.frozen())
        desk.stock.now += FETCHED_WITHIN - timedelta(seconds=1)
        assert len(desk.fetch(early)) == 3
        desk.stock.now += timedelta(seconds=1)
        with pytest.raises(ExportTooLate):
            desk.fetch(late)
        assert desk.stock.counts() == {"void": 3, "free": 3}

    def test_not_while_the_batch_sells(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen()
        approval_id = desk.approved(batch_id)
        desk.unfreeze(batch_id)
        with pytest.raises(BatchNotFrozen):
            desk.fetch(approval_id)
        desk.stock.sold()
        desk.freeze(batch_id)
        with pytest.raises(StaleApproval):  # one of the three that were approved is sold
            desk.fetch(approval_id)

    def test_a_vault_without_its_key_costs_no_card(self, desk: ExportDesk) -> None:
        approval_id = desk.approved(desk.frozen())
        desk.stock.vault = make_vault()
        with pytest.raises(VaultBroken):
            desk.fetch(approval_id)
        assert desk.stock.counts() == {"free": 3}

    def test_a_lost_file_takes_another_request(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen("code-1", "code-2")
        desk.fetch(desk.approved(batch_id))
        first = [card.exported_at for card in desk.cards(batch_id)]
        desk.stock.now += timedelta(hours=1)
        assert desk.fetch(desk.approved(batch_id)) == ["code-1", "code-2"]
        assert [card.exported_at for card in desk.cards(batch_id)] == first
        with desk.stock.begin() as session:
            card_id = desk.cards(batch_id)[0].id
            assert len(exporting.list_exports(session, card_id=card_id)) == 2
            assert len(exporting.list_exports(session, batch_id=batch_id)) == 2

    def test_reads_out_more_than_it_holds_at_once(
        self, desk: ExportDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "AT_ONCE", 2)
        monkeypatch.setattr("shop.cards.batches.PART", 2)
        codes = [f"code-{number}" for number in range(7)]
        assert desk.fetch(desk.approved(desk.frozen(*codes))) == codes

    def test_each_card_remembers_by_whom_and_why(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen(count=2)
        approval_id = desk.approved(batch_id)
        desk.fetch(approval_id)
        for card in desk.cards(batch_id):
            with desk.stock.begin() as session:
                ((export, approval),) = exporting.list_exports(session, card_id=card.id)
                change = session.scalars(
                    select(StatusChange).where(StatusChange.row_id == card.id)
                ).one()
            assert card.exported_at == export.at == desk.stock.now
            assert export.exported_by_id == desk.asker.operator_id
            assert export.approved_by_id == desk.second.operator_id
            assert (export.cards_count, approval.why) == (2, "退还供应商")
            assert (change.old, change.new, change.actor) == ("free", "void", desk.asker.name)


class TestAfterwards:
    def test_an_unfrozen_batch_sells_the_others_alone(self, desk: ExportDesk) -> None:
        batch_id = desk.stock.add(count=3).batch_id
        line = desk.stock.line()
        desk.stock.reserve(line)
        desk.freeze(batch_id)
        desk.fetch(desk.approved(batch_id))
        desk.unfreeze(batch_id)
        assert [card.is_sellable for card in desk.cards(batch_id)].count(True) == 1
        with pytest.raises(OutOfStock):
            desk.stock.reserve(desk.stock.line())
        assert desk.stock.release(line) == 1
        desk.stock.sold()
        assert desk.stock.counts() == {"void": 2, "delivered": 1}

    def test_its_codes_are_known_for_ever(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen("gone-1", "gone-2")
        desk.fetch(desk.approved(batch_id))
        assert desk.stock.add("GONE 1", "gone-2").cards == 0
        with desk.stock.begin() as session:
            batch = queries.get_batch(session, batch_id)
            with pytest.raises(BatchInUse):
                foresee_undo(session, batch)


class TestDatabase:
    """Itself refuses what the services never do."""

    @pytest.mark.parametrize(
        "change",
        [
            {"is_sellable": True},
            {"status": CardStatus.FREE},
            {"status": CardStatus.RESERVED},
            {"exported_at": None},
            {"exported_at": text("now() - interval '1 year'")},
        ],
    )
    def test_i18_an_exported_card_is_never_for_sale_again(
        self, desk: ExportDesk, change: dict[str, object]
    ) -> None:
        batch_id = desk.frozen(count=1)
        desk.fetch(desk.approved(batch_id))
        with pytest.raises(DBAPIError), desk.stock.begin() as session:
            session.execute(update(Card).where(Card.batch_id == batch_id).values(**change))

    def test_i18_a_card_on_sale_is_not_marked(self, desk: ExportDesk) -> None:
        desk.stock.add(count=1)
        mark = update(Card).values(exported_at=desk.stock.now)
        with pytest.raises(IntegrityError, match="not_sold"), desk.stock.begin() as session:
            session.execute(mark)

    def test_an_exported_card_is_not_removed(self, desk: ExportDesk) -> None:
        batch_id = desk.frozen(count=1)
        desk.fetch(desk.approved(batch_id))
        with pytest.raises(IntegrityError), desk.stock.begin() as session:
            session.execute(delete(Card).where(Card.batch_id == batch_id))

    @pytest.mark.parametrize("table", [CodeExport, ExportedCard])
    def test_what_left_stays_written_down(
        self, desk: ExportDesk, table: type[CodeExport | ExportedCard]
    ) -> None:
        desk.fetch(desk.approved(desk.frozen(count=1)))
        with pytest.raises(DBAPIError, match="permission denied"), desk.stock.begin() as session:
            session.execute(delete(table))

    def test_h133_one_person_is_not_two_and_one_request_not_two_files(
        self, desk: ExportDesk
    ) -> None:
        approval_id = desk.approved(desk.frozen(count=1))
        desk.fetch(approval_id)
        with desk.stock.begin() as session:
            found = session.scalars(select(CodeExport)).one()
        for name, changes in {
            "two_persons": {"approved_by_id": found.exported_by_id, "approval_id": new_id()},
            "uq_code_exports_approval_id": {},
        }.items():
            given = {
                attribute.key: getattr(found, attribute.key)
                for attribute in inspect(CodeExport).column_attrs
            }
            with pytest.raises(IntegrityError, match=name), desk.stock.begin() as session:
                session.add(CodeExport(**{**given, **changes, "id": new_id()}))
