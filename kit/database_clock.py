"""The database's clock, kept in step: every process decides deadlines by the same one."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from kit.clock import monotonic_seconds, utc_now
from kit.db import Begin

COMPARE_EVERY_SECONDS: Final = 5.0
# An answer that took longer is asked for again: how old it is, nobody knows.
QUICK_SECONDS: Final = 0.02
MOST_QUESTIONS: Final = 3


class DatabaseClock:
    """Tells the database's time without asking it each time.

    In between it counts by a clock that nobody can set, so that a wrong or jumping clock of this
    machine opens nothing early and closes nothing late. While the database is out it counts on.
    """

    def __init__(self, begin: Begin, *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        """Ask nothing yet."""
        self._begin = begin
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._base: tuple[datetime, float] | None = None
        self._compared_at = float("-inf")

    def __call__(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        if self._is_old():
            self._compare()
        return self.tell()

    def tell(self) -> datetime:
        """Return the present moment as far as it is known, asking nobody: nothing waits here."""
        base = self._base
        if base is None:
            return utc_now()  # the database has not answered once: it will refuse what follows
        return base[0] + timedelta(seconds=self._monotonic() - base[1])

    def _is_old(self) -> bool:
        return self._monotonic() - self._compared_at > COMPARE_EVERY_SECONDS

    def _compare(self) -> None:
        # One thread asks, the others go on with what is known.
        if not self._turn.acquire(blocking=self._base is None):
            return
        try:
            if self._is_old():  # else somebody has asked while we waited for our turn
                self._base = self._ask()
        except SQLAlchemyError:
            pass  # whoever needs the database hears of it in their own words
        finally:
            self._compared_at = self._monotonic()
            self._turn.release()

    def _ask(self) -> tuple[datetime, float]:
        """Return what the database told in its quickest answer, and when that was here.

        It was told before it was heard, so that we are never ahead of the database.
        """
        answers: list[tuple[float, datetime, float]] = []
        with self._begin() as session:
            session.connection()  # to connect may take long, and is not part of the question
            while len(answers) < MOST_QUESTIONS:
                before = self._monotonic()
                told = session.execute(select(func.clock_timestamp())).scalar_one()
                after = self._monotonic()
                answers.append((after - before, told, after))
                if after - before <= QUICK_SECONDS:
                    break
        _, told, heard = min(answers)
        return told, heard
