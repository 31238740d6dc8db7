"""Rules of commissions: what may be promised, from when, and how a promise ends."""

from datetime import timedelta

import pytest

from kit.money import Fen
from shop.referral import service
from shop.referral.service import BadRule, RuleNotFound
from tests.factories.referrals import ReferralBench


class TestRules:
    """add_rule, end_rule: promises are made for the time to come."""

    @pytest.mark.parametrize(
        "given",
        [
            {"basis_points": None},
            {"basis_points": 0},
            {"basis_points": 5001},
            {"basis_points": 1, "fixed_fen": Fen(1)},
            {"fixed_fen": Fen(0)},
            {"holds_days": -1},
            {"holds_days": 366},
        ],
    )
    def test_refuse_what_makes_no_sense(
        self, bench: ReferralBench, given: dict[str, int | None]
    ) -> None:
        """Neither way, both ways, out of bounds."""
        with pytest.raises(BadRule):
            bench.rule(**given)

    def test_begin_in_the_future_and_end_after_their_start(self, bench: ReferralBench) -> None:
        """Nobody's past orders are promised anything."""
        for window in (
            {"starts_at": bench.now - timedelta(seconds=1)},
            {"ends_at": bench.now},
        ):
            with pytest.raises(BadRule):
                bench.rule(**window)

    def test_end_at_once_or_never_begin(self, bench: ReferralBench) -> None:
        """Ending again changes nothing."""
        rule = bench.rule(starts_at=bench.now + timedelta(days=1))
        for _ in range(2):
            with bench.begin() as session:
                ended = service.end_rule(session, rule.id, now=bench.now)
            assert ended.ends_at == bench.now + timedelta(days=1)
        with pytest.raises(RuleNotFound), bench.begin() as session:
            service.end_rule(session, bench.member(), now=bench.now)
