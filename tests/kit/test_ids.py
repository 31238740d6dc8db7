"""Identifiers are unique, ordered where that helps, and acceptable to every platform."""

import re
from datetime import UTC, datetime

import pytest
import time_machine

from kit.ids import new_id, new_number


class TestNewId:
    def test_e88_is_version_7_and_never_twice(self) -> None:
        made = [new_id() for _ in range(10_000)]
        assert len(set(made)) == len(made)
        assert {one.version for one in made} == {7}

    def test_is_ordered_by_time(self) -> None:
        made = [new_id() for _ in range(1_000)]
        assert made == sorted(made)

    def test_b43_what_is_not_time_is_random(self) -> None:
        tails = {new_id().int & (2**48 - 1) for _ in range(1_000)}
        assert len(tails) == 1_000


class TestNewNumber:
    def test_is_what_every_platform_accepts(self, now: datetime) -> None:
        for _ in range(1_000):
            number = new_number("TK", now=now)
            assert re.fullmatch(r"TK20261120[0-9A-Z]{14}", number)
            assert 6 <= len(number) <= 32

    def test_e88_is_never_twice(self, now: datetime) -> None:
        assert len({new_number("T", now=now) for _ in range(20_000)}) == 20_000

    def test_e88_does_not_depend_on_the_time_of_making(self, now: datetime) -> None:
        with time_machine.travel(now, tick=False):
            assert new_number("T", now=now) != new_number("T", now=now)

    @pytest.mark.parametrize(("hour", "day"), [(15, "20261120"), (16, "20261121")])
    def test_dates_by_shanghai(self, hour: int, day: str) -> None:
        at = datetime(2026, 11, 20, hour, 0, tzinfo=UTC)
        assert new_number("T", now=at)[1:9] == day

    def test_has_no_letters_that_people_misread(self, now: datetime) -> None:
        texts = "".join(new_number("", now=now)[8:] for _ in range(2_000))
        assert not {"I", "O"} & set(texts)
        assert len(set(texts)) == 34
