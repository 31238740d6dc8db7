"""A claim on its way through the lane, and what it came to."""

from asyncio import Future
from collections.abc import Iterable
from dataclasses import dataclass

from flash_sale.batch import Outcome, Wanted
from flash_sale.queries import Sale


@dataclass(slots=True, eq=False)
class Ticket:
    """Somebody waits for the outcome; they may have gone away meanwhile."""

    sale: Sale
    wanted: Wanted
    outcome: "Future[Outcome]"
    fills: int = 0  # how often the gate was filled for it

    def tell(self, outcome: Outcome) -> None:
        """Say what became of the claim."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def tell_all(tickets: Iterable[Ticket], outcome: Outcome) -> None:
    """Say the same to everybody."""
    for ticket in tickets:
        ticket.tell(outcome)
