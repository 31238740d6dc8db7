"""Telling leaders what they earned: once for all that came together, however many orders it was."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.money import Fen
from kit.outbox import emit
from kit.sweep import is_due, settle
from shop.referral.earning import lock_earnings
from shop.referral.events import CommissionEarned

TOGETHER_FOR: Final = timedelta(minutes=5)  # a flash sale is one message, and spends one grant


def tell_earned(session: Session, member_id: UUID, *, now: datetime) -> None:
    """Tell of what the leader earned since they were last told."""
    earnings = lock_earnings(session, member_id)
    if not is_due(earnings, now=now):
        return
    fen = earnings.untold_fen
    emit(session, CommissionEarned(str(member_id), fen, now.isoformat()), now=now)
    earnings.untold_fen = Fen(0)
    settle(earnings)
