"""Pure rules of group-buy: terms, ladders, prices, seats; tables, and Hypothesis on prices."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from group_buy.models import Group, GroupStatus, GroupTerms
from group_buy.rules import (
    BadTerms,
    GroupFull,
    Rung,
    TermsPlan,
    check_terms,
    entry_price,
    first_free,
    free_member_seat,
    ladder_of,
    lowest_price,
    price_at,
    takes_members,
)
from kit.money import Fen
from tests.factories.groups import LONG_AGO

HOUR = timedelta(hours=1)
RUNGS = [Rung(2, Fen(900)), Rung(5, Fen(800)), Rung(9, Fen(650))]


def terms(*, rungs: list[Rung] | None = None, initiator: int | None = None) -> GroupTerms:
    """Return terms with a ladder or an initiator's price."""
    told = [[rung.seats, rung.price_fen] for rung in rungs or []]
    price = None if initiator is None else Fen(initiator)
    return GroupTerms(ladder={"rungs": told}, initiator_price_fen=price)


class TestCheckTerms:
    """check_terms: what an operator may decide, and each way to decide nonsense."""

    @pytest.mark.parametrize(
        "plan",
        [
            TermsPlan(seats_required=2, lasts=timedelta(seconds=1)),
            TermsPlan(seats_required=200, lasts=timedelta(days=30)),
            TermsPlan(seats_required=2, lasts=HOUR, ladder=RUNGS),
            TermsPlan(seats_required=2, lasts=HOUR, initiator_price_fen=Fen(900)),
            TermsPlan(seats_required=2, lasts=HOUR, groups_per_member=100, seats_per_member=20),
        ],
    )
    def test_takes_what_makes_sense(self, plan: TermsPlan) -> None:
        """The smallest and the largest of each."""
        check_terms(plan, deal_price_fen=Fen(900), items=1)

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"seats_required": 1}, "seats"),
            ({"seats_required": 201}, "seats"),
            ({"lasts": timedelta(0)}, "lasts"),
            ({"lasts": timedelta(days=30, seconds=1)}, "lasts"),
            ({"groups_per_member": 0}, "groups"),
            ({"groups_per_member": 101}, "groups"),
            ({"seats_per_member": 0}, "seats in a group"),
            ({"seats_per_member": 21}, "seats in a group"),
            ({"initiator_price_fen": Fen(0)}, "initiator"),
            ({"initiator_price_fen": Fen(901)}, "initiator"),
            ({"ladder": RUNGS[:1]}, "rungs"),
            ({"ladder": [Rung(n, Fen(902 - n)) for n in range(2, 8)]}, "rungs"),
            ({"ladder": RUNGS[1:]}, "first rung"),
            ({"ladder": [RUNGS[0], Rung(2, Fen(800))]}, "each rung"),
            ({"ladder": [RUNGS[0], Rung(3, Fen(900))]}, "each rung"),
            ({"ladder": [RUNGS[0], Rung(3, Fen(0))]}, "each rung"),
            ({"ladder": [RUNGS[0], Rung(201, Fen(1))]}, "seats"),
        ],
    )
    def test_refuses_nonsense_with_a_reason(self, changed: dict[str, object], word: str) -> None:
        """Every limit that a constraint would else refuse with an error."""
        plan = {"seats_required": 2, "lasts": HOUR} | changed
        with pytest.raises(BadTerms) as refused:
            check_terms(TermsPlan(**plan), deal_price_fen=Fen(900), items=1)  # type: ignore[arg-type] # each of its own type
        assert word in refused.value.details["reason"]

    def test_wants_one_item_for_a_ladder_or_an_initiators_price(self) -> None:
        """Else it would not be said of which item the price is."""
        for plan in (
            TermsPlan(seats_required=2, lasts=HOUR, ladder=RUNGS),
            TermsPlan(seats_required=2, lasts=HOUR, initiator_price_fen=Fen(1)),
        ):
            with pytest.raises(BadTerms, match="make no sense"):
                check_terms(plan, deal_price_fen=Fen(900), items=2)


class TestPrices:
    """price_at, entry_price, lowest_price."""

    @pytest.mark.parametrize(
        ("paid", "price"), [(0, 900), (2, 900), (4, 900), (5, 800), (8, 800), (9, 650), (99, 650)]
    )
    def test_a_rung_counts_from_its_seat_on(self, paid: int, price: int) -> None:
        """And below the first the deal price is paid."""
        assert price_at(RUNGS, paid, deal_price_fen=Fen(900)) == price

    @given(
        steps=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 90)), max_size=5),
        paid=st.integers(0, 250),
    )
    def test_more_seats_never_cost_more(self, steps: list[tuple[int, int]], paid: int) -> None:
        """And nobody ever pays more than the deal price, or less than the lowest."""
        rungs, seats, price = [], 2, 1000
        for more, less in steps:
            rungs.append(Rung(seats, Fen(price)))
            seats, price = seats + more, price - less
        now_fen = price_at(rungs, paid, deal_price_fen=Fen(1000))
        later = price_at(rungs, paid + 1, deal_price_fen=Fen(1000))
        assert lowest_price(terms(rungs=rungs), Fen(1000)) <= later <= now_fen <= 1000
        reached = [rung for rung in rungs if rung.seats <= paid]
        assert now_fen == (reached[-1].price_fen if reached else 1000)

    @pytest.mark.parametrize(
        ("initiator", "group_price", "is_initiator", "price"),
        [
            (None, 900, True, 900),
            (500, 900, True, 500),
            (500, 900, False, 900),
            (500, 400, True, 400),
        ],
    )
    def test_who_opens_pays_their_own_price_unless_the_groups_is_lower(
        self, initiator: int | None, group_price: int, is_initiator: bool, price: int
    ) -> None:
        """The table."""
        told = terms(initiator=initiator)
        assert entry_price(told, Fen(group_price), is_initiator=is_initiator) == price

    def test_the_lowest_counts_the_initiators_too(self) -> None:
        """The dry run goes by it."""
        assert lowest_price(terms(rungs=RUNGS, initiator=100), Fen(900)) == 100
        assert lowest_price(terms(), Fen(900)) == 900
        assert ladder_of(terms(rungs=RUNGS)) == RUNGS


class TestTakesMembers:
    """takes_members: by status, clock, ladder and house."""

    @pytest.mark.parametrize(
        ("status", "seats_max", "house", "late", "takes"),
        [
            (GroupStatus.OPEN, 2, 0, False, True),
            (GroupStatus.OPEN, 2, 0, True, False),
            (GroupStatus.FORMED, 2, 0, False, False),
            (GroupStatus.FORMED, 4, 0, False, True),
            (GroupStatus.FORMED, 4, 0, True, False),
            (GroupStatus.FORMED, 4, 1, False, False),
            (GroupStatus.FAILED, 4, 0, False, False),
        ],
    )
    def test_d69_by_table(
        self, status: GroupStatus, seats_max: int, house: int, late: bool, takes: bool
    ) -> None:
        """A formed group goes on only up its ladder; the window is half-open."""
        group = Group(
            status=status,
            seats_required=2,
            seats_max=seats_max,
            house_seats=house,
            ends_at=LONG_AGO,
        )
        now = LONG_AGO if late else LONG_AGO - timedelta(microseconds=1)
        assert takes_members(group, now=now) is takes


class TestSeatNumbers:
    """first_free, free_member_seat."""

    @given(taken=st.sets(st.integers(1, 9)))
    def test_the_lowest_that_nobody_has(self, taken: set[int]) -> None:
        """Or the group is full."""
        free = set(range(1, 10)) - taken
        if not free:
            with pytest.raises(GroupFull):
                first_free(list(taken), seats_max=9)
        else:
            assert first_free(list(taken), seats_max=9) == min(free)

    @given(mine=st.sets(st.integers(1, 20)))
    def test_a_members_next_is_the_lowest_too(self, mine: set[int]) -> None:
        """There is always one; how many are allowed is another matter."""
        assert free_member_seat(mine) == min(set(range(1, 22)) - mine)
