"""Trouble at will: a call that fails so many times, another sweep in the worst moment."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count

from sqlalchemy.orm import Session

from tests.factories.bench import Bench


class Trouble:
    """Makes one call fail, before or after the platform acts, so many times."""

    def __init__(
        self, call: str, error: Exception, *, times: int = 1, has_acted: bool = False
    ) -> None:
        self.call, self.error, self.times, self.has_acted = call, error, times, has_acted

    def __call__(self, call: str, has_acted: bool) -> None:
        if (call, has_acted) == (self.call, self.has_acted) and self.times > 0:
            self.times -= 1
            raise self.error


def once_ids_are_read(bench: Bench, act: Callable[[], object], *, begun: int = 1) -> None:
    """Have something happen between a sweep's reading of due ids and its work on the first."""
    begin, passed = bench.begin, count()

    def begin_later() -> AbstractContextManager[Session]:
        if next(passed) == begun:
            bench.begin = begin
            act()
        return begin()

    bench.begin = begin_later


def calls(bench: Bench, name: str) -> list[str]:
    """Return the numbers that a call was made with."""
    return [number for call, number in bench.wechat.calls if call == name]
