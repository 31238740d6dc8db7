"""Makes the n-th thing of a kind fail: a statement, a commit or a call, before or after it acts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kit.db import Begin
from shop.members.platforms import PlatformUnavailable
from shop.payments.gateway import ResultUnknown
from tests.factories.bench import Bench

KINDS: Final = (
    "statement before",
    "statement after",
    "commit before",
    "commit after",
    "call before",
    "call after",
)


class Injector:
    """Counts while it is switched on, and makes one fail; says whether it got that far."""

    def __init__(self, kind: str, nth: int) -> None:
        self.kind = kind
        self.nth = nth
        self.seen = 0
        self.has_struck = False

    def passing(self, kind: str, error: Callable[[], Exception]) -> None:
        """Count something of a kind that is happening; raise when it is the one."""
        if kind != self.kind or self.has_struck:
            return
        self.seen += 1
        if self.seen == self.nth:
            self.has_struck = True
            raise error()

    def trouble(self, call: str, has_acted: bool) -> None:
        """Be a platform's trouble."""
        error = PlatformUnavailable if call == "report_delivery" else _no_answer
        self.passing("call after" if has_acted else "call before", error)

    @contextmanager
    def in_(self, shop: Bench, engine: Engine) -> Iterator[None]:
        """Make trouble in everything that the shop does meanwhile."""
        begin = shop.begin
        outside: list[Any] = [*shop.platforms.values(), shop.desk]
        for place in outside:
            place.trouble = self.trouble
        shop.begin = self._begin(begin)
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", self._before)
            event.remove(engine, "after_cursor_execute", self._after)
            shop.begin = begin
            for place in outside:
                place.trouble = None

    def _begin(self, begin: Begin) -> Begin:
        @contextmanager
        def troubled() -> Iterator[Session]:
            with begin() as session:
                yield session
                # The statements that are still waiting go first, then the commit itself.
                session.flush()
                self.passing("commit before", _lost)
            # It is committed, and nobody hears of it.
            self.passing("commit after", _lost)

        def opened() -> AbstractContextManager[Session]:
            return troubled()

        return opened

    def _before(self, *_: Any) -> None:
        self.passing("statement before", _lost)

    def _after(self, *_: Any) -> None:
        self.passing("statement after", _lost)


def _lost() -> Exception:
    return OperationalError("injected", {}, Exception("connection lost"))


def _no_answer() -> Exception:
    return ResultUnknown("injected", code="TIMEOUT")
