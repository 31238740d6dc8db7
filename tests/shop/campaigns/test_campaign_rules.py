"""Pure rules of campaigns: windows, phases, limits, edges, days of a slot."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import business_date
from kit.errors import DomainError
from shop.campaigns.models import (
    CAMPAIGN_LIFECYCLE,
    Campaign,
    CampaignKind,
    CampaignStatus,
    Edge,
)
from shop.campaigns.rules import (
    BadPlan,
    CampaignLimitReached,
    Ended,
    NotStarted,
    Paused,
    Phase,
    Window,
    check_limit,
    check_open,
    check_window,
    due_in,
    next_edge,
    next_slot_day,
    phase_of,
    slot_window,
)
from tests.factories.groups import LONG_AGO

S = CampaignStatus
HOUR = timedelta(hours=1)
START, END = LONG_AGO, LONG_AGO + 2 * HOUR
TICK = timedelta(microseconds=1)


def campaign(status: S = S.LIVE, **more: Any) -> Campaign:
    """Return a campaign from START to END that warms up an hour before."""
    told: dict[str, Any] = {
        "kind": CampaignKind.GROUP_BUY,
        "warms_at": START - HOUR,
        "starts_at": START,
        "ends_at": END,
        "trails_seconds": 60,
        "limit_per_member": 3,
        "pause_reason": "盘点",
    }
    return Campaign(status=status, **(told | more))


class TestCheckWindow:
    """check_window."""

    @pytest.mark.parametrize(
        ("window", "word"),
        [
            (Window(START, START), "before it starts"),
            (Window(END, START), "before it starts"),
            (Window(START - HOUR, START), "over already"),
            (Window(START, START + timedelta(days=90, seconds=1)), "longer"),
            (Window(START, END, START), "warms up"),
        ],
    )
    def test_refuses_nonsense(self, window: Window, word: str) -> None:
        """With a word that says which."""
        with pytest.raises(BadPlan) as refused:
            check_window(window, now=START)
        assert word in refused.value.details["reason"]

    def test_takes_the_longest_and_one_that_has_begun(self) -> None:
        """It opens at once."""
        check_window(Window(START, START + timedelta(days=90)), now=START)
        check_window(Window(START - HOUR, START + TICK, START - 2 * HOUR), now=START)


class TestPhase:
    """phase_of, check_open: by status and clock; a late sweep opens nothing and keeps nothing."""

    @pytest.mark.parametrize(
        ("status", "at", "phase", "refusal"),
        [
            (S.SCHEDULED, START - HOUR - TICK, Phase.UPCOMING, NotStarted),
            (S.SCHEDULED, START - HOUR, Phase.WARMING, NotStarted),
            (S.WARMING, START, Phase.WARMING, NotStarted),
            (S.LIVE, START - TICK, Phase.WARMING, NotStarted),
            (S.LIVE, START, Phase.LIVE, None),
            (S.LIVE, END - TICK, Phase.LIVE, None),
            (S.LIVE, END, Phase.OVER, Ended),
            (S.PAUSED, START, Phase.PAUSED, Paused),
            (S.PAUSED, END, Phase.OVER, Ended),
            (S.ENDED, START, Phase.OVER, Ended),
            (S.SETTLED, START, Phase.OVER, Ended),
            (S.CANCELLED, START, Phase.OVER, Ended),
        ],
    )
    def test_i28_by_table(
        self, status: S, at: datetime, phase: Phase, refusal: type[DomainError] | None
    ) -> None:
        """Half-open windows."""
        row = campaign(status)
        assert phase_of(row, now=at) is phase
        if refusal is None:
            check_open(row, now=at)
        else:
            with pytest.raises(refusal):
                check_open(row, now=at)

    def test_without_a_warm_up_it_is_upcoming_until_it_opens(self) -> None:
        """Even if the opening is late."""
        assert phase_of(campaign(S.SCHEDULED, warms_at=None), now=START) is Phase.UPCOMING


class TestLimit:
    """check_limit."""

    @given(bought=st.integers(0, 5), wanted=st.integers(1, 5))
    def test_c53_never_beyond(self, bought: int, wanted: int) -> None:
        """And it says what is left."""
        if bought + wanted <= 3:
            check_limit(campaign(), bought=bought, wanted=wanted)
        else:
            with pytest.raises(CampaignLimitReached) as refused:
                check_limit(campaign(), bought=bought, wanted=wanted)
            assert refused.value.details == {"limit": 3, "left": max(3 - bought, 0)}


class TestEdges:
    """next_edge, due_in: the way through life, one edge after the other."""

    @pytest.mark.parametrize("has_warm_up", [True, False])
    def test_lead_from_scheduled_to_settled(self, has_warm_up: bool) -> None:
        """In order of time, each a listed move."""
        row = campaign(S.SCHEDULED, warms_at=START - HOUR if has_warm_up else None)
        passed, due = [], []
        while row.status is not S.SETTLED:
            edge, status = next_edge(row)
            moment = due_in(row, row.status)
            assert moment is not None
            assert CAMPAIGN_LIFECYCLE.allows(row.status, status)
            passed.append(edge)
            due.append(moment)
            row = campaign(status, warms_at=row.warms_at)
        assert passed == [*([Edge.WARM] if has_warm_up else []), Edge.OPEN, Edge.END, Edge.SETTLE]
        assert due == sorted(due)
        assert due[-1] == END + timedelta(seconds=60)

    def test_nothing_is_due_at_the_ends_of_life(self) -> None:
        """Draft, cancelled, settled."""
        for status in (S.DRAFT, S.CANCELLED, S.SETTLED):
            assert due_in(campaign(status), status) is None

    def test_a_paused_one_ends_too(self) -> None:
        """Pausing does not stop the clock."""
        assert next_edge(campaign(S.PAUSED)) == (Edge.END, S.ENDED)


class TestSlots:
    """slot_window, next_slot_day."""

    def test_windows_are_of_shanghai(self) -> None:
        """20:00 there is noon in UTC, whatever the machine thinks."""
        window = slot_window(
            date(2024, 6, 18), starts_minute=20 * 60, lasts=HOUR, warms=timedelta(minutes=30)
        )
        assert window.starts_at.astimezone(UTC) == datetime(2024, 6, 18, 12, tzinfo=UTC)
        assert window.ends_at - window.starts_at == HOUR
        assert window.warms_at == window.starts_at - timedelta(minutes=30)
        bare = slot_window(date(2024, 6, 18), starts_minute=0, lasts=HOUR, warms=timedelta(0))
        assert bare.warms_at is None
        assert business_date(bare.starts_at) == date(2024, 6, 18)

    @given(after=st.dates(date(2024, 1, 1), date(2030, 1, 1)), days=st.sets(st.integers(0, 6)))
    def test_the_next_day_is_the_first_that_is_named(self, after: date, days: set[int]) -> None:
        """Within a week; a slot without days makes no sense."""
        if not days:
            with pytest.raises(BadPlan):
                next_slot_day(after, days)
            return
        found = next_slot_day(after, days)
        between = [after + timedelta(days=n) for n in range(1, (found - after).days)]
        assert found.weekday() in days
        assert not any(day.weekday() in days for day in between)
        assert 1 <= (found - after).days <= 7
