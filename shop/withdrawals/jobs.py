"""The sweeps of withdrawals: send what is approved, ask about what waits for its leader."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.withdrawals import queries
from shop.withdrawals.sending import Gateways, send_or_ask


def send_due_withdrawals(
    begin: Begin, gateways: Gateways, *, now: datetime, at_once: int = 1
) -> Swept:
    """Send withdrawals, always under the same number, until the platform has them."""

    def act(withdrawal_id: UUID) -> None:
        send_or_ask(begin, gateways, withdrawal_id, now=now)

    due = queries.due_to_send(now)
    return sweep(begin, due, act, name="send_due_withdrawals", at_once=at_once)


def ask_about_due_withdrawals(
    begin: Begin, gateways: Gateways, *, now: datetime, at_once: int = 1
) -> Swept:
    """Ask whether leaders took what waits for them, and take back what they want no more."""

    def act(withdrawal_id: UUID) -> None:
        send_or_ask(begin, gateways, withdrawal_id, now=now)

    due = queries.due_to_ask(now)
    return sweep(begin, due, act, name="ask_about_due_withdrawals", at_once=at_once)
