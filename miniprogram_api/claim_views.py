"""Rendering claims: text made once for all claims of a kind, with each one's own values put in."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from flash_sale.batch import Claimed
from flash_sale.models import ClaimStatus
from flash_sale.queries import Sale
from kit.money import Fen
from miniprogram_api.order_views import view_placed
from miniprogram_api.schemas.flash_sales import ClaimAnswer, ClaimOut
from shop.catalog.models import SaleChannel
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.rules import promise

# What stands in a text for what differs from claim to claim; none of it can be in a title.
_CLAIM_ID: Final = UUID(int=1)
_ORDER_ID: Final = UUID(int=2)
_LINE_ID: Final = UUID(int=3)
_ORDER_NO: Final = "\N{INFORMATION SEPARATOR ONE}"
_PLACED_AT: Final = datetime(1, 1, 1, 1, 1, 1, 1, tzinfo=UTC)
_PAY_BY: Final = datetime(1, 1, 1, 1, 1, 1, 2, tzinfo=UTC)


def render_claim(sale: Sale, claimed: Claimed) -> bytes:
    """Return the JSON of a claim and its order, as they were when it was made."""
    values = {
        "claim_id": str(claimed.claim_id),
        "order_id": str(claimed.order_id),
        "line_id": str(claimed.line_id),
        "order_no": claimed.order_no,
        "placed_at": _text(claimed.placed_at),
        "pay_by": _text(claimed.pay_by),
    }
    pieces = _template(sale, claimed.quantity, claimed.sale_channel)
    return "".join([values[piece] if is_name else piece for is_name, piece in pieces]).encode()


# A sale is read anew each second, and only claims of the same reading share a text.
@lru_cache(maxsize=256)
def _template(sale: Sale, quantity: int, channel: SaleChannel) -> tuple[tuple[bool, str], ...]:
    """Return the text in pieces; those marked True are names of values."""
    answer = _example(sale, quantity, channel).model_dump(mode="json")
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    names = {
        str(_CLAIM_ID): "claim_id",
        str(_ORDER_ID): "order_id",
        str(_LINE_ID): "line_id",
        json.dumps(_ORDER_NO)[1:-1]: "order_no",
        _text(_PLACED_AT): "placed_at",
        _text(_PAY_BY): "pay_by",
    }
    pieces: list[tuple[bool, str]] = [(False, text)]
    for mark, name in names.items():
        pieces = [part for piece in pieces for part in _cut(piece, mark, name)]
    return tuple(pieces)


def _cut(piece: tuple[bool, str], mark: str, name: str) -> list[tuple[bool, str]]:
    is_name, text = piece
    if is_name:
        return [piece]
    cut: list[tuple[bool, str]] = []
    for part in text.split(mark):
        cut += [(False, part), (True, name)]
    return cut[:-1]


def _example(sale: Sale, quantity: int, channel: SaleChannel) -> ClaimAnswer:
    total = Fen(sale.item.deal_price_fen * quantity)
    order = Order(
        id=_ORDER_ID,
        order_no=_ORDER_NO,
        sale_channel=channel,
        status=OrderStatus.PENDING,
        total_fen=total,
        is_held=False,
        placed_at=_PLACED_AT,
        pay_by=_PAY_BY,
    )
    snapshot: dict[str, Any] = promise(sale.product, sale.sku)
    line = OrderLine(
        id=_LINE_ID,
        sku_id=sale.sku.id,
        quantity=quantity,
        unit_price_fen=sale.item.deal_price_fen,
        total_fen=total,
        refunded_fen=Fen(0),
        refunded_quantity=0,
        snapshot=snapshot | {"sold_through": sale.campaign.name},
    )
    claim = ClaimOut(
        id=_CLAIM_ID,
        campaign_id=sale.campaign.id,
        status=ClaimStatus.HELD,
        quantity=quantity,
        claimed_at=_PLACED_AT,
        pay_by=_PAY_BY,
    )
    return ClaimAnswer(claim=claim, order=view_placed(order, [line]))


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
