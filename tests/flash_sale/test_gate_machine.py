"""Everything at a gate in any order; and gates with one thought left out, which must be caught."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from flash_sale import filling, gate_plans
from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_script import Script, command
from flash_sale.gate_wire import GateClaim, Verdict, keys_of
from tests.factories.gated_sales import CALM, GO, MARGIN_MS, TROUBLE, GatedSale, Step, play

MOST_PROGRAMS: Final = 300
EVERYDAY_EXAMPLES: Final = 60
CHAOS_EXAMPLES: Final = int(os.environ.get("GATE_MACHINE_EXAMPLES", "3000"))
BUSY: Final = ("claim",) * 5 + ("commit",) * 3 + ("give_back", "pause") + ("fill",) * 2 + GO * 2
SHARDS: Final = (1, 1, 2, 4)


def in_any_order(redis: "Redis", *kinds: str, is_chaos: bool) -> None:
    """Play programs of what may happen, each with two numbers to pick by: many in a long run."""
    step = st.tuples(st.sampled_from(kinds), st.integers(0, 1000), st.integers(0, 1000))

    @settings(
        max_examples=CHAOS_EXAMPLES if is_chaos else EVERYDAY_EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(shards=st.sampled_from(SHARDS), program=st.lists(step, min_size=5, max_size=70))
    def holds(shards: int, program: list[Step]) -> None:
        play(GatedSale(redis, shards=shards), program)

    holds()


@pytest.fixture(autouse=True)
def small_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have readings that are surely older or younger within a test that takes milliseconds."""
    monkeypatch.setattr(filling, "MARGIN_MS", MARGIN_MS)


class TestAnyOrder:
    """Whatever happens in whatever order."""

    def test_nothing_is_promised_twice_and_nothing_lost(
        self, redis: "Redis", is_chaos: bool
    ) -> None:
        in_any_order(redis, *CALM, *GO, is_chaos=is_chaos)

    def test_c47_c48_c49_trouble_is_over_after_two_fills(
        self, redis: "Redis", is_chaos: bool
    ) -> None:
        in_any_order(redis, *CALM, *GO, *TROUBLE, is_chaos=is_chaos)


@dataclass(frozen=True)
class Mutant:
    """What is left out of a script, or of the fill when there is no script."""

    name: str
    room: ModuleType
    script: str
    old: str
    new: str


MUTANTS: Final = (
    Mutant(
        "one too many", gate_plans, "ADMIT", "quantity > units then", "quantity > units + 1 then"
    ),
    Mutant("no limit", gate_plans, "ADMIT", "before + quantity > limit", "quantity > limit"),
    Mutant("entries stay", gate_plans, "SETTLE", "call('HDEL', ENTRIES, name)", ""),
    Mutant("lent and kept", gate_plans, "LEND", "call('HINCRBY', META, 'units', -lent)", ""),
    Mutant("lost on the way", gate_plans, "DEPOSIT", "== 1", "== 2"),
    Mutant("forgets too soon", filling, "LOOK", "settled <= read - margin", "true"),
    Mutant("never forgets", filling, "LOOK", "settled <= read - margin", "settled < 0"),
)


class TestMutants:
    """A gate with one thought left out."""

    @pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
    def test_is_caught(
        self, redis: "Redis", monkeypatch: pytest.MonkeyPatch, mutant: Mutant
    ) -> None:
        script: Script = getattr(mutant.room, mutant.script)
        assert mutant.old in script.text
        changed = Script(script.text.replace(mutant.old, mutant.new))
        monkeypatch.setattr(mutant.room, mutant.script, changed)
        assert is_caught(redis)

    def test_is_caught_when_a_fill_believes_what_it_read(
        self, redis: "Redis", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(filling, "nearest", lambda number, least, most: max(0, most))
        assert is_caught(redis)


def is_caught(redis: "Redis") -> bool:
    """Say whether one of a few random programs goes wrong; they are the same each time."""
    for seed in range(MOST_PROGRAMS):
        random = Random(seed)
        program = [
            (random.choice(BUSY), random.randrange(1000), random.randrange(1000)) for _ in range(60)
        ]
        try:
            play(GatedSale(redis, shards=random.choice(SHARDS[1:])), program)
        except AssertionError:
            return True
    return False


def admit_by_looking_first(
    shards: Shards, campaign_id: UUID, claims: Sequence[GateClaim]
) -> Plan[list[Verdict]]:
    """Return verdicts as by somebody who reads the stock, and then writes what is left of it."""
    keys = keys_of(campaign_id, 0)
    (left,) = yield [command("HGET", keys[0], "units")]
    units = int(left)
    verdicts = []
    for claim in claims:
        verdicts.append(Verdict.ADMITTED if claim.quantity <= units else Verdict.SOLD_OUT)
        units -= claim.quantity if claim.quantity <= units else 0
    yield [command("HSET", keys[0], "units", units)]
    return verdicts


class TestC46Mutant:
    """A gate that looks first and takes then."""

    BOTH: Final[list[Step]] = [
        *(("claim", 0, 4), ("claim", 3, 4), ("claim", 1, 4)),
        *(("go", number, 0) for number in (0, 1, 2) * 2),
        *(("go", 0, 0) for _ in range(3)),
    ]

    def test_is_caught_overselling(self, redis: "Redis") -> None:
        sale = GatedSale(redis, shards=1, admit=admit_by_looking_first)
        with pytest.raises(AssertionError, match="oversold"):
            self._play(sale)

    def test_is_not_what_we_have(self, redis: "Redis") -> None:
        sale = GatedSale(redis, shards=1)
        self._play(sale)
        assert sale.live

    def _play(self, sale: GatedSale) -> None:
        for step in self.BOTH:
            sale.do(step)
