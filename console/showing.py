"""How values look on pages: amounts, moments in Shanghai, lengths of time, masked ids."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flask_babel import gettext as _
from markupsafe import Markup

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan

INPUT_FORM: Final = "%Y-%m-%dT%H:%M"


def yuan(amount: int | None) -> str:
    """Return an amount in fen as yuan: 1234550 → "¥12,345.50"."""
    if amount is None:
        return "—"
    text = to_yuan(Fen(abs(amount)))
    whole, _dot, cents = text.partition(".")
    sign = "-" if amount < 0 else ""
    return f"{sign}¥{int(whole):,}.{cents}"


def moment(at: datetime | None) -> Markup:
    """Return a moment as it is in Shanghai, with the exact one for machines."""
    if at is None:
        return Markup("—")
    local = at.astimezone(SHANGHAI)
    text, exact = f"{local:%Y-%m-%d %H:%M:%S}", at.isoformat()
    return Markup('<time datetime="{}" title="Asia/Shanghai">{}</time>').format(exact, text)


def for_input(at: datetime | None) -> str:
    """Return a moment as a field for date and time takes it, in Shanghai."""
    return "" if at is None else at.astimezone(SHANGHAI).strftime(INPUT_FORM)


def lasting(seconds: int | timedelta) -> str:
    """Return a length of time in its two largest units."""
    left = int(seconds.total_seconds()) if isinstance(seconds, timedelta) else int(seconds)
    units = ((86_400, _("天")), (3600, _("小时")), (60, _("分")), (1, _("秒")))
    parts = []
    for size, name in units:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or f"0 {_('秒')}"


def up_to(count: int, most: int) -> str:
    """Return a count that was made no further than `most` + 1: 10,001 of 10,000 → "10,000+"."""
    return f"{most:,}+" if count > most else f"{count:,}"


def percent(basis_points: int) -> str:
    """Return a share in hundredths of a per cent: 525 → "5.25%"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def masked_name(name: str | None) -> str:
    """Return a nickname of which the first character is shown."""
    return f"{name[0]}**" if name else "—"


def masked(row_id: UUID | str) -> str:
    """Return an id by which a member is told apart, and no more."""
    text = str(row_id)
    return f"{text[-6:]}" if text else ""
