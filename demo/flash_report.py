"""The flash sale in numbers: who came, what was sold, when Redis was lost, what became of it."""

from collections import Counter
from typing import Final

from demo.facts import Facts
from demo.flash_checks import DELIVERED, LAPSED, units_ended
from demo.sale_record import SaleRecord

HOW_LOST: Final = {"crash": "crashed, came back empty"}


def numbers(facts: Facts, sale: SaleRecord) -> dict[str, int | str]:
    """Return the numbers in the order in which they are told."""
    granted = sale.granted().values()
    answers = Counter(_kind(one.status, one.code) for one in sale.attempts)
    told: dict[str, int | str] = {
        "members": sale.members,
        "units": sale.stock,
        "claims sent": len(sale.attempts),
        "claims answered by an order": sum(one.is_granted for one in sale.attempts),
        **{f"claims answered {kind}": count for kind, count in sorted(answers.items()) if kind},
        "members who won in the rush": len({one.member for one in granted if not one.is_offer}),
        "members who were refused": len(
            {one.member for one in sale.attempts} - {one.member for one in granted}
        ),
        "sold out after": _seconds(sale.seconds_until_sold_out()),
    }
    for loss in sale.losses:
        how = HOW_LOST.get(loss.how, f"{loss.how}, which left it empty")
        after = _seconds((loss.at - sale.starts_at).total_seconds())
        away = _seconds((loss.back_at - loss.at).total_seconds())
        told[f"Redis lost ({how}) after"] = after
        told["Redis was away for"] = away
    told |= {
        "units sold before Redis was lost": _units_until_loss(sale),
        "orders asked for again under one key": len(sale.repeats()),
        "units that lapsed or were cancelled": units_ended(facts, LAPSED),
        "members who waited": sale.counts["joined"],
        "offers seen": sale.counts["offers seen"],
        "offers taken": sale.counts["offers taken"],
        "offers given up": sale.counts["offers given up"],
        "units bought later by others": sale.counts["bought later"],
        "sold == stock": f"{units_ended(facts, DELIVERED)} == {sale.stock}",
    }
    return told


def _kind(status: int, code: str) -> str:
    """Return how a claim was refused; nothing when it was granted."""
    return "" if 200 <= status < 300 else code or f"HTTP {status}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _units_until_loss(sale: SaleRecord) -> int:
    lost_at = min((loss.at for loss in sale.losses), default=sale.starts_at)
    return sum(one.quantity for one in sale.granted().values() if one.claimed_before(lost_at))
