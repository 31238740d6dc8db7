"""The rules of flash sales: sane terms, the door by the clock, a draw that favours nobody."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from flash_sale.models import FlashTerms, SaleMode
from flash_sale.rules import (
    BadTerms,
    DrawnByLot,
    TermsPlan,
    check_claims_taken,
    check_offers_taken,
    check_terms,
    draw,
    draw_commitment,
    entries_digest,
    offers_until,
    takes_waits,
)
from shop.campaigns.models import Campaign, CampaignStatus
from shop.campaigns.rules import Ended, NotStarted, Paused

S = CampaignStatus
SECOND = timedelta(seconds=1)
OPENS = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ENDS = OPENS + timedelta(hours=1)
EARLY: dict[str, Any] = {"early": timedelta(seconds=30), "early_units": 5}
LOTTERY: dict[str, Any] = {"mode": SaleMode.LOTTERY}
# What the seed "seedseed…" draws from the entries 1 to 5.
STABLE_ORDER = [4, 2, 5, 3, 1]
STABLE_DIGEST = "3cf589eb9e9f3ce7395243e85281b16961e2cf25c3647bb87e23492b5bca888f"
STABLE_COMMITMENT = "b67c34e31c525e37c97432e7dfc305d49097f609094a55d43c9de502c97aeeff"


class TestTerms:
    """check_terms, for ten units and a limit of one unless told otherwise."""

    @pytest.mark.parametrize(
        "terms",
        [
            {},
            {"offer": SECOND},
            {"offer": timedelta(days=7)},
            {"shards": 16},
            EARLY,
            EARLY | {"early_units": 10, "early": timedelta(days=1), "early_orders": 1000},
            LOTTERY,
        ],
    )
    def test_may_be(self, terms: dict[str, Any]) -> None:
        check_terms(TermsPlan(**terms), allotments=[10], limit_per_member=1)

    @pytest.mark.parametrize(
        ("terms", "allotments", "limit", "why"),
        [
            ({}, [], 1, "one SKU"),
            ({}, [10, 10], 1, "one SKU"),
            ({"offer": timedelta(0)}, [10], 1, "an offer lasts"),
            ({"offer": timedelta(days=7, seconds=1)}, [10], 1, "an offer lasts"),
            ({"shards": 0}, [10], 1, "shards"),
            ({"shards": 17}, [10], 1, "shards"),
            (LOTTERY, [10], 2, "a lottery"),
            (LOTTERY | EARLY, [10], 1, "a lottery"),
            (EARLY | {"early": -SECOND}, [10], 1, "a day at most"),
            (EARLY | {"early": timedelta(days=1, seconds=1)}, [10], 1, "a day at most"),
            (EARLY | {"early": timedelta(0)}, [10], 1, "a time and a quota"),
            (EARLY | {"early_units": 0}, [10], 1, "a time and a quota"),
            (EARLY | {"early_orders": 0}, [10], 1, "1 to 1000"),
            (EARLY | {"early_orders": 1001}, [10], 1, "1 to 1000"),
            (EARLY | {"early_units": 11}, [10], 1, "larger than the allotment"),
        ],
    )
    def test_may_not_be(
        self, terms: dict[str, Any], allotments: list[int], limit: int, why: str
    ) -> None:
        with pytest.raises(BadTerms) as refused:
            check_terms(TermsPlan(**terms), allotments=allotments, limit_per_member=limit)
        assert why in refused.value.details["reason"]


def campaign(status: CampaignStatus) -> Campaign:
    """Return a campaign from OPENS to ENDS with a trail of a minute."""
    return Campaign(
        status=status, starts_at=OPENS, ends_at=ENDS, trails_seconds=60, pause_reason="盘点"
    )


TERMS = FlashTerms(mode=SaleMode.RUSH, early_seconds=30)
BEFORE, EARLY_AT, LAST = OPENS - 31 * SECOND, OPENS - 30 * SECOND, ENDS - SECOND


class TestTheDoor:
    """check_claims_taken: half-open, by the clock, whatever the sweep has done."""

    @pytest.mark.parametrize("status", [S.SCHEDULED, S.WARMING, S.LIVE])
    @pytest.mark.parametrize(
        ("at", "is_early", "refusal"),
        [
            (BEFORE, True, NotStarted),
            (EARLY_AT, True, None),
            (EARLY_AT, False, NotStarted),
            (OPENS - SECOND, False, NotStarted),
            (OPENS, False, None),
            (LAST, False, None),
            (ENDS, False, Ended),
            (ENDS, True, Ended),
        ],
    )
    def test_opens_and_ends(
        self, status: CampaignStatus, at: datetime, is_early: bool, refusal: type[Exception] | None
    ) -> None:
        def knock(*, is_stopped: bool) -> None:
            check_claims_taken(
                campaign(status), TERMS, is_early=is_early, is_stopped=is_stopped, now=at
            )

        if refusal is None:
            knock(is_stopped=False)
        with pytest.raises(refusal or Paused):
            knock(is_stopped=True)

    @pytest.mark.parametrize(
        ("status", "refusal"),
        [
            (S.DRAFT, Ended),
            (S.ENDED, Ended),
            (S.SETTLED, Ended),
            (S.CANCELLED, Ended),
            (S.PAUSED, Paused),
        ],
    )
    def test_is_shut(self, status: CampaignStatus, refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            check_claims_taken(campaign(status), TERMS, is_early=False, is_stopped=False, now=OPENS)

    def test_of_a_lottery_opens_for_nobody(self) -> None:
        terms = FlashTerms(mode=SaleMode.LOTTERY, early_seconds=0)
        with pytest.raises(DrawnByLot):
            check_claims_taken(campaign(S.LIVE), terms, is_early=False, is_stopped=False, now=OPENS)

    @pytest.mark.parametrize("status", [S.LIVE, S.ENDED])
    def test_offers_have_a_time_of_their_own(self, status: CampaignStatus) -> None:
        check_offers_taken(campaign(status), is_stopped=False)
        with pytest.raises(Paused):
            check_offers_taken(campaign(status), is_stopped=True)
        with pytest.raises(Paused):
            check_offers_taken(campaign(S.PAUSED), is_stopped=False)

    @pytest.mark.parametrize("status", S)
    def test_of_the_queue(self, status: CampaignStatus) -> None:
        is_open = status in (S.SCHEDULED, S.WARMING, S.LIVE, S.PAUSED)
        told = [takes_waits(campaign(status), now=at) for at in (OPENS - SECOND, OPENS, LAST, ENDS)]
        assert told == [False, is_open, is_open, False]
        assert offers_until(campaign(status)) == ENDS + timedelta(minutes=1)


def entries_of(count: int) -> list[UUID]:
    """Return entries that are the same in every run."""
    rng = random.Random(count)
    return sorted(UUID(int=rng.getrandbits(128)) for _ in range(count))


def chi_square(counts: list[int], expected: float) -> float:
    """Return how far counts are from all being the expected one."""
    return sum((count - expected) ** 2 / expected for count in counts)


class TestTheDraw:
    """draw: a permutation that the seed and the list decide, and nothing else."""

    def test_is_stable(self) -> None:
        """Published reports are checked for years: the algorithm is part of the promise."""
        entries = [UUID(int=number) for number in range(1, 6)]
        drawn = [entry.int for entry in draw(b"seed" * 8, entries)]
        assert drawn == STABLE_ORDER
        assert entries_digest(entries).hex() == STABLE_DIGEST
        assert draw_commitment(b"seed" * 8).hex() == STABLE_COMMITMENT

    def test_is_a_permutation(self) -> None:
        for count in (0, 1, 2, 100):
            entries = entries_of(count)
            assert sorted(draw(b"x" * 32, entries)) == entries

    def test_favours_no_order(self) -> None:
        """Four entries, 24 orders, 12,000 seeds; 49.7 is passed once in a thousand by chance."""
        entries = entries_of(4)
        orders = Counter(tuple(draw(seed.to_bytes(32, "big"), entries)) for seed in range(12_000))
        assert len(orders) == 24
        assert chi_square(list(orders.values()), 500.0) < 49.7

    def test_favours_no_entry(self) -> None:
        """Twenty entries, 4,000 seeds: who comes first, and last; 43.8 is once in a thousand."""
        entries = entries_of(20)
        drawn = [draw(seed.to_bytes(32, "big"), entries) for seed in range(4_000)]
        for place in (0, -1):
            counts = Counter(order[place] for order in drawn)
            assert chi_square([counts[entry] for entry in entries], 200.0) < 43.8

    def test_one_more_entry_changes_every_lot(self) -> None:
        """Nobody chooses when to register by what they know of the seed."""
        entries = entries_of(20)
        rest = draw(b"x" * 32, entries[:-1])
        again = [entry for entry in draw(b"x" * 32, entries) if entry != entries[-1]]
        assert rest != again
