"""The lane, in as many processes, but what the gate lets through is told so at once.

`Writing.write` of flash_sale/lane/writing.py, the way to the group commit, answers each claim with
one made-up order, writes nothing to the database, and tells the gate nothing afterwards. Reading
the request, the token, the limits, the sale, the gate and the rendered answer are the product's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.machine import lane
from config.settings import load_settings
from flash_sale.batch import Claimed
from flash_sale.lane.tickets import Ticket, tell_all
from flash_sale.lane.writing import Writing
from kit.money import Fen
from shop.catalog.models import SaleChannel

_SOME_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MADE_UP: Final = Claimed(
    claim_id=UUID(int=1),
    order_id=UUID(int=2),
    order_no="TO00000000000000000000",
    line_id=UUID(int=3),
    sale_channel=SaleChannel.H5,
    quantity=1,
    total_fen=Fen(1000),
    placed_at=_SOME_DAY,
    pay_by=_SOME_DAY,
)


def application() -> Any:
    """Build the lane for uvicorn, and put the instant answer in."""
    setattr(Writing, "write", _tell_at_once)  # noqa: B010 - so that this is no mistake to mypy
    return lane.application()


def _tell_at_once(_writing: Writing, _campaign_id: UUID, tickets: Sequence[Ticket]) -> None:
    tell_all(tickets, _MADE_UP)


if __name__ == "__main__":
    lane.serve(load_settings(), application="benchmarks.sales.gate_only:application")
