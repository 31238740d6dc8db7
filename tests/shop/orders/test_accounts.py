"""A member's account as a whole: leaving, and the export of everything."""

import json
from uuid import UUID, uuid4

import pytest

from kit.crypto import new_key
from shop.members.events import MembersJoined
from shop.members.phones import PhoneBook
from shop.members.queries import MemberNotActive, MemberNotFound, get_member
from shop.orders import accounts, handlers
from tests.factories.bench import Bench


def close(bench: Bench, member_id: UUID, *, give_up_cards: bool = False) -> None:
    """Close an account."""
    with bench.begin() as session:
        accounts.close_account(
            session, member_id=member_id, give_up_cards=give_up_cards, now=bench.now
        )


class TestCloseAccount:
    """close_account: the person goes, the books stay."""

    def test_refuses_while_an_order_is_open(self, bench: Bench) -> None:
        """Paying, delivering and refunding come to an end first."""
        member_id = bench.member()
        order_id = bench.place(member_id, (bench.sku(), 1))
        with pytest.raises(accounts.UnfinishedOrders):
            close(bench, member_id)
        bench.cancel(order_id)
        close(bench, member_id)
        with bench.begin() as session:
            assert get_member(session, member_id).deleted_at == bench.now

    def test_warns_of_cards_nobody_looked_at(self, bench: Bench) -> None:
        """They would be lost; the member may say that they give them up."""
        member_id = bench.order(bench.bought()).member_id
        with pytest.raises(accounts.UnrevealedCards):
            close(bench, member_id)
        close(bench, member_id, give_up_cards=True)
        assert bench.violations() == []

    def test_refuses_the_second_time_and_a_stranger(self, bench: Bench) -> None:
        """Each has its own refusal."""
        member_id = bench.member()
        close(bench, member_id)
        with pytest.raises(MemberNotActive):
            close(bench, member_id)
        with pytest.raises(MemberNotFound):
            close(bench, uuid4())


class TestExportAccount:
    """export_account: everything about the member, nothing of anybody else, no code."""

    def test_holds_every_order_over_all_pages(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With lines, payments and refunds, as JSON."""
        monkeypatch.setattr(accounts, "PAGE", 2)
        order_id = bench.bought((bench.sku(3), 3))
        code = bench.reveal(order_id)
        bench.refund(order_id)
        member_id = bench.order(order_id).member_id
        for _ in range(4):
            bench.place(member_id, (bench.sku(1), 1))
        bench.bought()
        with bench.begin() as session:
            book = PhoneBook(key=new_key(), hash_key=new_key())
            exported = accounts.export_account(session, book, member_id=member_id)
        assert len(exported["orders"]) == 5
        first = exported["orders"][-1]
        assert first["refunds"] == [{"amount_fen": 2000, "status": "requested"}]
        assert first["payments"][0]["status"] == "captured"
        assert code not in json.dumps(exported)


class TestReassignWhenJoined:
    """reassign_when_joined: what follows a member into another."""

    def test_gives_orders_and_cards_to_the_other(self, bench: Bench) -> None:
        """Told by the event."""
        order_id, into = bench.bought(), bench.member()
        event = MembersJoined(str(bench.order(order_id).member_id), str(into))
        with bench.begin() as session:
            handlers.reassign_when_joined(event, session=session, now=bench.now)
        assert bench.order(order_id).member_id == into
        assert bench.violations() == []
