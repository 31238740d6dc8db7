"""Looking at a gate while it changes: what one look says belongs together, or is told apart."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from flash_sale.gate_script import Call
from flash_sale.lane.outlook import Outlook
from tests.factories.gates import GateBench, claim_of

COMMANDS = 5  # of a look at one shard


@pytest.fixture
def bench(redis: "Redis") -> GateBench:
    """Return a gate whose only unit is set aside for whoever is offered it."""
    return GateBench(redis, units=1)


class TestPeek:
    """Outlook.look, while an offer is taken."""

    @pytest.mark.parametrize("before", range(COMMANDS + 1))
    def test_c44_whoever_takes_an_offer_is_at_no_moment_surely_too_late(
        self, bench: GateBench, monkeypatch: pytest.MonkeyPatch, before: int
    ) -> None:
        """The gate is filled between two commands of the look: the same claim is sent on."""
        member_id, now = uuid4(), bench.now()
        for _ in range(2):  # a gate that was just filled for the first time is sure of nobody
            bench.fill_later(free_units=0, offers={member_id: uuid4()})
        outlook = Outlook(bench.gate)
        outlook.look(bench.campaign_id)
        assert outlook.is_sold_out(bench.campaign_id, uuid4(), now=now)
        assert not outlook.is_sold_out(bench.campaign_id, member_id, now=now)
        ask, said = bench.gate._ask, 0

        def one_by_one(calls: Sequence[Call]) -> list[Any]:
            nonlocal said
            answers = []
            for call in calls:
                if said == before:
                    said += 1
                    bench.buy(claim_of(member_id))
                    bench.fill_later()
                said += 1
                answers.append(ask(call))
            return answers

        monkeypatch.setattr(bench.gate, "_send", one_by_one)
        outlook.look(bench.campaign_id)
        assert not outlook.is_sold_out(bench.campaign_id, member_id, now=now)
        outlook.look(bench.campaign_id)
        assert not outlook.is_sold_out(bench.campaign_id, member_id, now=now)
