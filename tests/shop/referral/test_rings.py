"""Rings of accounts against attribution: who is related never earns from whom, honest buyers count.

The rings are made up and labelled, so precision and recall are known; see docs/performance.md.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from kit.ids import new_id
from shop.members.devices import hash_device
from shop.members.models import Identity, SignIn
from shop.members.platforms import Platform
from shop.members.service import pseudonymise
from shop.referral.models import TouchRefusal
from tests.factories.referrals import ReferralBench

KEY = b"d" * 32
LEADERS = 3
HONEST = 4  # buyers of each leader
SIGNS = ("device", "purse", "person", "chain", "nothing")  # what gives a false account away


@dataclass
class Ring:
    """A leader, who is behind their false accounts, and members whom they truly brought."""

    bench: ReferralBench
    leader: UUID
    purse: str = field(default_factory=lambda: f"purse-{new_id()}")

    def signed_in(self, member_id: UUID, device: str) -> None:
        """Have a member sign in from a device."""
        with self.bench.begin() as session:
            session.add(
                SignIn(
                    id=new_id(),
                    member_id=member_id,
                    platform=Platform.WECHAT,
                    token_hash=new_id().bytes * 2,
                    device_hash=hash_device(device, key=KEY),
                    created_at=self.bench.now,
                    expires_at=self.bench.now + timedelta(days=30),
                )
            )

    def earns_on(self, member_id: UUID, purse: str | None = None) -> bool:
        """Have a member come by the leader's invite and buy; say whether the leader earns."""
        self.bench.open(self.leader, member_id)
        self.bench.wechat.payer = purse
        order_id = self.bench.buy(member_id)
        self.bench.wechat.payer = None
        return bool(self.bench.commissions(order_id))

    def false_account(self, sign: str) -> bool:
        """Have the leader buy through an account that shares something; say whether they earn."""
        member = self.bench.member()
        device, purse = f"device-{member}", f"purse-{member}"
        if sign == "device":
            device = f"device-{self.leader}"
        elif sign == "purse":
            purse = self.purse
        elif sign == "person":
            self.same_person(member)
        elif sign == "chain":
            # Shares with another false account what that one does not share with the leader.
            device = f"chain-{self.leader}"
            between = self.bench.member()
            self.signed_in(between, device)
            self.earns_on(between, self.purse)
        self.signed_in(member, device)
        return self.earns_on(member, purse)

    def same_person(self, member_id: UUID) -> None:
        """Let the platform know the member as the leader."""
        union_id = f"person-{self.leader}"
        with self.bench.begin() as session:
            session.execute(
                update(Identity)
                .where(Identity.member_id.in_((self.leader, member_id)))
                .values(union_id=union_id)
            )


@pytest.fixture
def make_ring(bench: ReferralBench) -> Callable[[], Ring]:
    """Return the making of a leader who has signed in and bought something."""
    bench.rule()

    def make() -> Ring:
        ring = Ring(bench, bench.leader())
        ring.signed_in(ring.leader, f"device-{ring.leader}")
        bench.wechat.payer = ring.purse
        bench.buy(ring.leader)
        bench.wechat.payer = None
        return ring

    return make


class TestDevice:
    """Who signed in from one device is related, before a purse tells."""

    def test_g115_a_shared_device_binds_nobody(
        self, bench: ReferralBench, make_ring: Callable[[], Ring]
    ) -> None:
        """It is seen when the invite is opened."""
        ring, other = make_ring(), bench.member()
        ring.signed_in(other, f"device-{ring.leader}")
        assert bench.open(ring.leader, other).refusal is TouchRefusal.RELATED

    def test_g115_a_device_that_is_shared_later_earns_nothing(
        self, bench: ReferralBench, make_ring: Callable[[], Ring]
    ) -> None:
        """It is asked again when the order is paid."""
        ring, other = make_ring(), bench.member()
        assert bench.open(ring.leader, other).refusal is None
        ring.signed_in(other, f"device-{ring.leader}")
        assert bench.commissions(bench.buy(other)) == []

    def test_without_a_device_nobody_is_related(
        self, bench: ReferralBench, make_ring: Callable[[], Ring]
    ) -> None:
        """Two clients that say nothing are not one device."""
        ring, other = make_ring(), bench.member()
        with bench.begin() as session:
            session.execute(update(SignIn).values(device_hash=None))
        ring.signed_in(other, f"device-{other}")
        assert ring.earns_on(other)

    def test_goes_with_the_account(
        self, bench: ReferralBench, make_ring: Callable[[], Ring]
    ) -> None:
        """Of whoever leaves, no device is kept."""
        ring, other = make_ring(), bench.member()
        ring.signed_in(other, "a-device")
        with bench.begin() as session:
            pseudonymise(session, member_id=other, now=bench.now)
        with bench.begin() as session:
            kept = session.scalars(select(SignIn).where(SignIn.member_id == other)).all()
        assert [row.device_hash for row in kept] == [None]


class TestRings:
    """Labelled rings: nothing honest is refused, and whoever is related is found."""

    def test_g115_precision_and_recall(
        self, bench: ReferralBench, make_ring: Callable[[], Ring]
    ) -> None:
        """Households share devices with each other and never with their leader: they count."""
        dice = random.Random(116)
        refused: dict[str, list[bool]] = {sign: [] for sign in (*SIGNS, "honest")}
        for _ in range(LEADERS):
            ring = make_ring()
            accounts = [*SIGNS, *["honest"] * HONEST]
            dice.shuffle(accounts)
            household = f"household-{ring.leader}"
            for sign in accounts:
                if sign == "honest":
                    member = bench.member()
                    ring.signed_in(member, dice.choice((household, f"device-{member}")))
                    refused[sign].append(not ring.earns_on(member, f"purse-{member}"))
                else:
                    refused[sign].append(not ring.false_account(sign))
        found = sum(sum(refused[sign]) for sign in SIGNS)
        precision = found / (found + sum(refused["honest"]))
        recall = found / (LEADERS * len(SIGNS))
        assert precision == 1
        assert all(all(refused[sign]) for sign in ("device", "purse", "person"))
        # What shares nothing with the leader cannot be told from an honest buyer by relation.
        assert recall == 3 / 5
        assert bench.violations() == []
