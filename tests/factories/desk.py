"""A shipping desk in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class MemoryDesk:
    """A shipping desk that writes down what is reported, once `trouble` lets it."""

    reported: list[str] = field(default_factory=list)
    payers: list[str] = field(default_factory=list)
    trouble: Callable[[str, bool], None] | None = None

    def report_delivery(
        self, *, merchant_id: str, out_trade_no: str, open_id: str, item: str, at: datetime
    ) -> None:
        """Take a report."""
        if self.trouble is not None:
            self.trouble("report_delivery", False)
        self.reported.append(out_trade_no)
        self.payers.append(open_id)
        if self.trouble is not None:
            self.trouble("report_delivery", True)
