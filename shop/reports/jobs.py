"""The sweep of reports: business days are summed, today again and again."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, is_due, sweep
from shop.reports import queries, service
from shop.reports.models import ReportDay


def sum_due_days(begin: Begin, *, now: datetime) -> Swept:
    """Sum every day that is due; today becomes due by itself."""
    with begin() as session:
        service.write_days_down(session, now=now)

    def act(day_id: UUID) -> None:
        with begin() as session:
            row = session.get_one(ReportDay, day_id, with_for_update=True, populate_existing=True)
            if is_due(row, now=now):
                service.sum_day(session, row, now=now)

    return sweep(begin, queries.due_days(now), act, name="sum_due_days")
