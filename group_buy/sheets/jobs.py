"""The sweep of order sheets: decide those whose time is over."""

from datetime import datetime
from uuid import UUID

from group_buy.sheets import deciding, queries
from kit.db import Begin
from kit.sweep import Swept, sweep


def decide_due_sheets(begin: Begin, *, now: datetime) -> Swept:
    """Confirm or fail every sheet whose time is over, each in a transaction of its own."""

    def act(sheet_id: UUID) -> None:
        with begin() as session:
            deciding.decide_sheet(session, sheet_id, now=now)

    return sweep(begin, queries.due_sheets(now), act, name="decide_due_sheets")
