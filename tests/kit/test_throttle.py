"""Calls keep their pace, whoever makes them, and slow down after a complaint."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import sleep

import pytest

from kit.clock import monotonic_seconds
from kit.throttle import Throttle


class TooMany(Exception):
    """The platform's complaint."""


class Hands:
    """A clock that moves only while somebody pauses."""

    def __init__(self) -> None:
        self.at = 100.0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds

    def throttle(self) -> Throttle:
        """Return one call each tenth of a second, one in two seconds after a complaint."""
        return Throttle(
            per_second=10,
            slow_per_second=0.5,
            slow_for_seconds=4,
            clock=lambda: self.at,
            pause=self.move,
        )


@pytest.fixture
def hands() -> Hands:
    """Return the clock of a test."""
    return Hands()


def times(hands: Hands, throttle: Throttle, most: int) -> list[float]:
    """Make calls one after the other; return when each was made."""
    return [round(throttle.run(lambda: hands.at, slow_on=(TooMany,)) - 100, 3) for _ in range(most)]


def complain() -> None:
    """Answer as a platform does that was asked too often."""
    raise TooMany


class TestPace:
    def test_the_first_goes_at_once_and_each_other_in_its_turn(self, hands: Hands) -> None:
        assert times(hands, hands.throttle(), 4) == [0.0, 0.1, 0.2, 0.3]

    def test_idle_time_is_not_saved_up(self, hands: Hands) -> None:
        throttle = hands.throttle()
        times(hands, throttle, 1)
        hands.move(60)
        assert times(hands, throttle, 3) == [60.0, 60.1, 60.2]

    def test_the_answer_comes_back_and_so_does_the_failure(self, hands: Hands) -> None:
        throttle = hands.throttle()
        assert throttle.run(lambda: "answer", slow_on=(TooMany,)) == "answer"
        with pytest.raises(TooMany):
            throttle.run(complain, slow_on=(TooMany,))

    def test_a_complaint_slows_for_a_while(self, hands: Hands) -> None:
        throttle = hands.throttle()
        with pytest.raises(TooMany):
            throttle.run(complain, slow_on=(TooMany,))
        assert times(hands, throttle, 4) == [2.0, 4.0, 4.1, 4.2]  # from 4.0 on as ever

    def test_each_complaint_is_minded_anew(self, hands: Hands) -> None:
        throttle = hands.throttle()
        for _ in range(4):
            with pytest.raises(TooMany):
                throttle.run(complain, slow_on=(TooMany,))
        assert hands.at - 100 == 6.0

    def test_other_failures_slow_nobody(self, hands: Hands) -> None:
        throttle = hands.throttle()
        with pytest.raises(TooMany):
            throttle.run(complain, slow_on=(LookupError,))
        assert times(hands, throttle, 2) == [0.1, 0.2]


class TestThreads:
    def made(self, throttle: Throttle, call: Callable[[], float], most: int) -> list[float]:
        """Make calls from eight threads; return when each was made, in seconds from the first."""
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(throttle.run, call, slow_on=(TooMany,)) for _ in range(most)]
        found = sorted(one.result() for one in asked if one.exception() is None)
        return [at - found[0] for at in found]

    def test_together_they_keep_the_pace(self) -> None:
        def call() -> float:
            at = monotonic_seconds()
            sleep(0.05)
            return at

        found = self.made(Throttle(per_second=100, slow_per_second=1), call, 40)
        assert len(found) == 40
        assert found[-1] >= 0.38  # 39 turns of 10 ms; eight at a time alone would need 0.25 s
        assert all(later - found[n] >= 0.18 for n, later in enumerate(found[20:]))

    def test_who_waits_already_is_slowed_too(self) -> None:
        throttle = Throttle(per_second=20, slow_per_second=5, slow_for_seconds=60)
        made: list[float] = []

        def call() -> float:
            made.append(monotonic_seconds())
            if len(made) == 1:
                raise TooMany
            return made[-1]

        self.made(throttle, call, 4)
        gaps = [later - earlier for earlier, later in pairwise(made)]
        assert len(gaps) == 3
        assert min(gaps) >= 0.19
