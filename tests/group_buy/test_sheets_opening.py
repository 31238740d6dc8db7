"""Leaders, help-sell bands, and opening an order sheet."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from group_buy.sheets import queries
from group_buy.sheets.models import SheetStatus
from group_buy.sheets.rules import BadSheet, NotHelpSold, PriceOutsideBand
from kit.db import Begin
from kit.money import Fen
from shop.campaigns import stops
from shop.campaigns.rules import Paused
from shop.catalog import service as catalog
from shop.catalog.models import Sku
from shop.catalog.rules import BadBand
from shop.members import joining, leaders
from shop.members import service as members
from shop.members.leaders import LeaderAlready, NotALeader, NotApproved
from shop.members.phones import PhoneBook
from shop.members.queries import MemberNotActive
from tests.factories.bench import KEY, Bench
from tests.factories.sheets import LASTS, SheetBench


@pytest.fixture
def fair(begin: Begin, now: datetime) -> SheetBench:
    """Return a shop with leaders, in a transaction that leaves nothing."""
    return SheetBench(Bench(begin, now))


class TestLeaders:
    def test_are_approved_once_and_revoked_once(self, fair: SheetBench) -> None:
        member_id, shop = fair.shop.member(), fair.shop
        with pytest.raises(NotApproved), shop.begin() as session:
            leaders.revoke_leader(session, member_id)
        with shop.begin() as session:
            assert leaders.approve_leader(session, member_id, now=shop.now).leader_since == shop.now
            assert [leader.id for leader in leaders.list_leaders(session)] == [member_id]
        with pytest.raises(LeaderAlready), shop.begin() as session:
            leaders.approve_leader(session, member_id, now=shop.now)
        with shop.begin() as session:
            leaders.revoke_leader(session, member_id)
            assert leaders.list_leaders(session) == []

    def test_a_closed_account_is_no_leader(self, fair: SheetBench) -> None:
        leader_id, shop = fair.leader(), fair.shop
        with shop.begin() as session:
            members.pseudonymise(session, member_id=leader_id, now=shop.now)
        assert fair.member(leader_id).leader_since is None
        with pytest.raises(MemberNotActive), shop.begin() as session:
            leaders.approve_leader(session, leader_id, now=shop.now)

    def test_the_database_knows_no_leader_without_an_account(self, fair: SheetBench) -> None:
        leader_id, shop = fair.leader(), fair.shop
        with pytest.raises(IntegrityError, match="leader_active"), shop.begin() as session:
            session.execute(
                text("UPDATE members SET status = 'deleted' WHERE id = :id"), {"id": leader_id}
            )

    def test_approval_goes_with_the_joined_member(self, fair: SheetBench) -> None:
        gone, kept, shop = fair.leader(), fair.shop.member(), fair.shop
        sheet_id = fair.open(leader_id=gone)
        fair.order(sheet_id, member_id=gone)
        with shop.begin() as session:
            book = PhoneBook(key=KEY, hash_key=KEY)
            joining.join_members(session, book, from_id=gone, into_id=kept, now=shop.now)
        fair.relay()
        assert fair.member(kept).leader_since == shop.now
        assert fair.member(gone).leader_since is None
        assert fair.sheet(sheet_id).leader_id == kept
        assert [entry.member_id for entry in fair.entries(sheet_id)] == [kept]
        fair.leave(sheet_id, kept)  # as if they had written it down themselves
        assert shop.violations() == []


class TestHelpSell:
    @pytest.mark.parametrize(("lowest", "highest"), [(0, 5), (6, 5), (-1, 5), (99, 500)])
    def test_refuses_a_band_that_makes_no_sense(
        self, fair: SheetBench, lowest: int, highest: int
    ) -> None:
        sku_id, shop = fair.shop.sku(0), fair.shop
        with shop.begin() as session:
            sku = session.get_one(Sku, sku_id)
            sku.cost_fen = Fen(100)
            with pytest.raises(BadBand):
                catalog.allow_help_sell(session, sku, min_fen=Fen(lowest), max_fen=Fen(highest))
            catalog.allow_help_sell(session, sku, min_fen=Fen(100), max_fen=Fen(100))

    @pytest.mark.parametrize("change", ["min_fen = 1301", "max_fen = NULL", "min_fen = 0"])
    def test_the_database_refuses_half_a_band(self, fair: SheetBench, change: str) -> None:
        sku_id = fair.sku(0)
        statement = f"UPDATE skus SET help_sell_{change} WHERE id = :id"
        with pytest.raises(IntegrityError, match="help_sell"), fair.shop.begin() as session:
            session.execute(text(statement), {"id": sku_id})

    def test_can_be_ended_and_open_sheets_keep_their_price(self, fair: SheetBench) -> None:
        sku_id, shop = fair.sku(), fair.shop
        sheet_id = fair.open((sku_id, 1200))
        with shop.begin() as session:
            catalog.stop_help_sell(session, session.get_one(Sku, sku_id))
        assert fair.order(sheet_id).order.total_fen == 1200
        with pytest.raises(NotHelpSold):
            fair.open((sku_id, 1200))


class TestOpenSheet:
    def test_writes_prices_and_bands_down(self, fair: SheetBench) -> None:
        cheap, dear = fair.sku(lowest=1, highest=900), fair.sku(lowest=900, highest=2000)
        sheet_id = fair.open((dear, 900), (cheap, 900), minimum_fen=5000, title=" 周末 ")
        sheet = fair.sheet(sheet_id)
        assert (sheet.status, sheet.title, sheet.paid_fen) == (SheetStatus.OPEN, "周末", 0)
        assert sheet.due_at == sheet.ends_at == fair.shop.now + LASTS
        with fair.shop.begin() as session:
            items = queries.list_items(session, [sheet_id])[sheet_id]
        assert [(item.sku_id, item.price_fen) for item in items] == [(dear, 900), (cheap, 900)]
        assert [(item.band_min_fen, item.band_max_fen) for item in items] == [
            (900, 2000),
            (1, 900),
        ]

    def test_prices_are_facts(self, fair: SheetBench) -> None:
        fair.open()
        with pytest.raises(ProgrammingError, match="denied"), fair.shop.begin() as session:
            session.execute(text("UPDATE sheet_items SET price_fen = price_fen + 1"))

    def test_the_database_refuses_a_price_outside_its_band(self, fair: SheetBench) -> None:
        sheet_id, sku_id = fair.open(), fair.sku()
        statement = (
            "INSERT INTO sheet_items (id, sheet_id, sku_id, position, price_fen, band_min_fen,"
            " band_max_fen) VALUES (:id, :sheet, :sku, 7, 799, 800, 1200)"
        )
        with pytest.raises(IntegrityError, match="price_in_band"), fair.shop.begin() as session:
            session.execute(text(statement), {"id": uuid4(), "sheet": sheet_id, "sku": sku_id})

    def test_is_for_leaders_alone(self, fair: SheetBench) -> None:
        member_id = fair.shop.member()
        with pytest.raises(NotALeader):
            fair.open(leader_id=member_id)
        revoked = fair.leader()
        with fair.shop.begin() as session:
            leaders.revoke_leader(session, revoked)
        with pytest.raises(NotALeader):
            fair.open(leader_id=revoked)

    @pytest.mark.parametrize("price", [799, 1201])
    def test_refuses_a_price_outside_the_band(self, fair: SheetBench, price: int) -> None:
        with pytest.raises(PriceOutsideBand) as refused:
            fair.open((fair.sku(), price))
        assert (refused.value.details["min_fen"], refused.value.details["max_fen"]) == (800, 1200)

    @pytest.mark.parametrize("price", [800, 1200])
    def test_takes_both_ends_of_the_band(self, fair: SheetBench, price: int) -> None:
        assert fair.order(fair.open((fair.sku(), price))).order.total_fen == price

    def test_refuses_what_leaders_do_not_sell(self, fair: SheetBench) -> None:
        for sku_id in (fair.shop.sku(), uuid4()):
            with pytest.raises(NotHelpSold):
                fair.open((sku_id, 1000))
        hidden, shop = fair.sku(), fair.shop
        with shop.begin() as session:
            product_id = session.get_one(Sku, hidden).product_id
            catalog.withdraw_product(session, product_id, actor="operator", now=shop.now)
        with pytest.raises(NotHelpSold):
            fair.open((hidden, 1000))

    @pytest.mark.parametrize(
        "lasts", [timedelta(0), timedelta(seconds=59), timedelta(days=30, seconds=1)]
    )
    def test_refuses_a_deadline_too_near_or_too_far(
        self, fair: SheetBench, lasts: timedelta
    ) -> None:
        with pytest.raises(BadSheet, match="order sheet") as refused:
            fair.open(ends_at=fair.shop.now + lasts)
        assert "30 days" in refused.value.details["reason"]

    def test_keeps_the_deadline_in_utc_wherever_it_was_said(self, fair: SheetBench) -> None:
        there = timezone(timedelta(hours=8))
        sheet_id = fair.open(ends_at=(fair.shop.now + LASTS).astimezone(there))
        assert fair.sheet(sheet_id).ends_at.tzinfo is UTC

    @pytest.mark.parametrize(
        "words",
        [
            {"title": " "},
            {"title": "\u200d"},
            {"title": "接" * 61},
            {"title": "a\nb"},
            {"title": "a\u202eb"},
            {"note": "接" * 1001},
            {"note": "a\x00b"},
            {"chat_group": "群" * 41},
        ],
    )
    def test_refuses_words_nobody_can_see_or_read(
        self, fair: SheetBench, words: dict[str, str]
    ) -> None:
        with pytest.raises(BadSheet):
            fair.open(**words)

    def test_keeps_line_ends_of_the_note_and_joined_emoji(self, fair: SheetBench) -> None:
        sheet_id = fair.open(title="👨\u200d👩\u200d👧", note="一\r\n二")
        assert (fair.sheet(sheet_id).title, fair.sheet(sheet_id).note) == (
            "👨\u200d👩\u200d👧",
            "一\n二",
        )

    def test_refuses_a_sku_twice_and_an_impossible_minimum(self, fair: SheetBench) -> None:
        sku_id = fair.sku()
        with pytest.raises(BadSheet):
            fair.open((sku_id, 900), (sku_id, 901))
        for minimum in (-1, 10_000_000_001):
            with pytest.raises(BadSheet):
                fair.open(minimum_fen=minimum)

    def test_waits_for_the_emergency_stop_to_be_lifted(self, fair: SheetBench) -> None:
        sheet_id, shop = fair.open(), fair.shop
        with shop.begin() as session:
            stops.stop_all(session, why="检查中", actor="operator", now=shop.now)
        with pytest.raises(Paused):
            fair.open()
        with pytest.raises(Paused) as refused:
            fair.order(sheet_id)
        assert refused.value.details["reason"] == "检查中"
        with shop.begin() as session:
            stops.lift_stop(session, actor="operator", now=shop.now)
        fair.order(sheet_id)
