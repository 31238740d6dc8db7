"""Waits grow to a limit, spread, and a harmless call is made twice at most."""

from datetime import timedelta

import pytest

from kit.retry import FIRST_DELAY, LONGEST_DELAY, delay_after, try_again_once


class TestDelayAfter:
    @pytest.mark.parametrize(
        ("attempts", "seconds"),
        [(0, 1), (1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (12, 900), (10**6, 900)],
    )
    def test_doubles_up_to_a_limit(self, attempts: int, seconds: int) -> None:
        for _ in range(200):
            wait = delay_after(attempts).total_seconds()
            assert seconds * 0.875 <= wait < seconds * 1.125

    def test_says_the_limits_it_keeps(self) -> None:
        assert timedelta(seconds=1) == FIRST_DELAY
        assert timedelta(minutes=15) == LONGEST_DELAY

    def test_spreads(self) -> None:
        assert len({delay_after(5) for _ in range(100)}) > 90


class TestTryAgainOnce:
    def counted(self, *outcomes: object) -> tuple[list[int], object]:
        """Return a list that grows with each call, and a call with these outcomes in turn."""
        made: list[int] = []

        def call() -> object:
            made.append(1)
            outcome = outcomes[len(made) - 1]
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return made, call

    def test_calls_once_when_that_is_enough(self) -> None:
        made, call = self.counted("answer")
        assert try_again_once(call, on=(LookupError,)) == "answer"
        assert len(made) == 1

    def test_calls_a_second_time_after_a_listed_failure(self) -> None:
        made, call = self.counted(KeyError(), "answer")
        assert try_again_once(call, on=(LookupError,)) == "answer"
        assert len(made) == 2

    def test_lets_the_second_failure_through(self) -> None:
        made, call = self.counted(KeyError(), KeyError(), "answer")
        with pytest.raises(KeyError):
            try_again_once(call, on=(LookupError,))
        assert len(made) == 2

    def test_lets_other_failures_through_at_once(self) -> None:
        made, call = self.counted(ZeroDivisionError(), "answer")
        with pytest.raises(ZeroDivisionError):
            try_again_once(call, on=(LookupError,))
        assert len(made) == 1
