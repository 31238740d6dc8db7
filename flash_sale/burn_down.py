"""How the units of a sale went: what was left at moments that stay the same while it sells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from flash_sale import queries
from flash_sale.models import Claim

MOST_POINTS: Final = 30
# Moments lie this far apart, so that a point once shown is never another: nothing new, no news.
STEPS: Final = tuple(
    timedelta(milliseconds=100) * tenths
    for tenths in (
        *(1, 2, 5, 10, 20, 50, 100, 150, 300, 600, 1200, 3000, 6000, 9000, 18_000),
        *(36_000, 72_000, 216_000, 432_000, 864_000),
    )
)


@dataclass(frozen=True, slots=True)
class Point:
    """What was left at a moment, and what would have been at an even pace."""

    at: datetime
    left: int
    even: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is sold within which time."""

    stock: int
    starts_at: datetime
    ends_at: datetime

    def even_left(self, at: datetime) -> int:
        """Return what is left at a moment if units go evenly from the start to the end."""
        whole = max(self.ends_at - self.starts_at, timedelta(microseconds=1))
        gone = min(max(at - self.starts_at, timedelta(0)), whole)
        return self.stock - self.stock * gone // whole


def read_points(
    session: Session, campaign_id: UUID, window: Window, *, now: datetime
) -> Sequence[Point]:
    """Return the points from the start until now; it adds up every claim of the sale.

    What is sold out is looked at until the last unit went, however soon that was.
    """
    points = _read_until(session, campaign_id, window, min(now, window.ends_at))
    if not points or points[-1].left:
        return points
    last = find_last_claim_at(session, campaign_id)
    if last is None:
        return points
    last = max(last, window.starts_at)
    return [
        *_read_until(session, campaign_id, window, last),
        Point(last, 0, window.even_left(last)),
    ]


def list_moments(starts_at: datetime, until: datetime) -> list[datetime]:
    """Return equally distant moments from the start, thirty at most; the last is not after."""
    whole = until - starts_at
    if whole < timedelta(0):
        return []
    step = next((one for one in STEPS if whole // one < MOST_POINTS), None)
    if step is None:
        step = STEPS[-1] * (1 + whole // (STEPS[-1] * MOST_POINTS))
    return [starts_at + step * n for n in range(whole // step + 1)]


def find_last_claim_at(session: Session, campaign_id: UUID) -> datetime | None:
    """Return when the last unit was claimed that is held or paid, or None."""
    taken = (Claim.campaign_id == campaign_id, Claim.status.in_(queries.TAKEN))
    return session.scalar(select(func.max(Claim.claimed_at)).where(*taken))


def _read_until(
    session: Session, campaign_id: UUID, window: Window, until: datetime
) -> list[Point]:
    bounds = list_moments(window.starts_at, until)
    if not bounds:
        return []
    taken = _count_between(session, campaign_id, Claim.claimed_at, bounds)
    given_back = _count_between(session, campaign_id, Claim.ended_at, bounds)
    left, points = window.stock, []
    for place, at in enumerate(bounds):
        left += given_back[place] - taken[place]
        points.append(Point(at, max(left, 0), window.even_left(at)))
    return points


def _count_between(
    session: Session,
    campaign_id: UUID,
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    bounds: Sequence[datetime],
) -> Counter[int]:
    """Return place of a bound → how many claims have their moment before it, after the last."""
    place: ColumnElement[int] = func.width_bucket(
        moment, cast(list(bounds), ARRAY(DateTime(timezone=True)))
    )
    rows = session.execute(
        select(place, func.count())
        .where(*queries.every_claim(campaign_id), moment.is_not(None))
        .group_by(place)
    )
    return Counter({int(found): int(count) for found, count in rows})
