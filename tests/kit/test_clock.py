"""The clock is aware and in UTC, and the business day is Shanghai's."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import business_date, business_day_bounds, monotonic_seconds, utc_now


class TestUtcNow:
    def test_is_the_present_moment_in_utc(self) -> None:
        at = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
        with time_machine.travel(at, tick=False):
            assert utc_now() == at
            assert utc_now().tzinfo is UTC


class TestMonotonicSeconds:
    def test_j156_does_not_jump_with_the_clock(self) -> None:
        before = monotonic_seconds()
        with time_machine.travel(datetime(2036, 1, 1, tzinfo=UTC), tick=True):
            utc_now()
        assert 0 <= monotonic_seconds() - before < 60


class TestBusinessDate:
    @pytest.mark.parametrize(
        ("at", "day"),
        [
            (datetime(2026, 11, 20, 15, 59, 59, 999_999, tzinfo=UTC), date(2026, 11, 20)),
            (datetime(2026, 11, 20, 16, 0, tzinfo=UTC), date(2026, 11, 21)),
            (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
        ],
    )
    def test_f106_begins_at_midnight_in_shanghai(self, at: datetime, day: date) -> None:
        assert business_date(at) == day

    def test_is_the_same_whatever_zone_the_moment_is_written_in(self) -> None:
        at = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
        for hours in (-11, 0, 5, 14):
            assert business_date(at.astimezone(timezone(timedelta(hours=hours)))) == date(
                2026, 11, 21
            )


class TestBusinessDayBounds:
    def test_covers_a_day_of_shanghai_in_utc(self) -> None:
        assert business_day_bounds(date(2026, 11, 20)) == (
            datetime(2026, 11, 19, 16, 0, tzinfo=UTC),
            datetime(2026, 11, 20, 16, 0, tzinfo=UTC),
        )

    @given(st.dates(date(2020, 1, 1), date(2100, 1, 1)))
    def test_f106_is_half_open_and_leaves_no_gap(self, day: date) -> None:
        starts_at, ends_at = business_day_bounds(day)
        assert business_date(starts_at) == day
        assert business_date(ends_at - timedelta(microseconds=1)) == day
        assert business_date(ends_at) == day + timedelta(days=1)
        assert ends_at == business_day_bounds(day + timedelta(days=1))[0]
        assert starts_at.utcoffset() == timedelta(0)
