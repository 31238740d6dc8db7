"""Turning a place on the waitlist, or in a lottery, into what its member sees."""

from typing import Final

from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.models import Wait, WaitStatus
from miniprogram_api.schemas.flash_sales import WaitOut

WAITING_POLL_MS: Final = 3_000
OFFERED_POLL_MS: Final = 10_000


def view_wait(session: Session, wait: Wait) -> WaitOut:
    """Return the wait, with how many stand before it."""
    is_waiting = wait.status is WaitStatus.WAITING
    is_offered = wait.status is WaitStatus.OFFERED
    return WaitOut(
        id=wait.id,
        campaign_id=wait.campaign_id,
        status=wait.status,
        ahead=queries.count_ahead(session, wait) if is_waiting else None,
        rank=wait.rank or None,
        joined_at=wait.joined_at,
        offer_id=wait.id if is_offered else None,
        offered_until=wait.offered_until if is_offered else None,
    )


def poll_after(wait: WaitOut) -> int | None:
    """Return when something may have changed, in milliseconds; None when nothing will."""
    return {
        WaitStatus.WAITING: WAITING_POLL_MS,
        WaitStatus.OFFERED: OFFERED_POLL_MS,
    }.get(wait.status)
