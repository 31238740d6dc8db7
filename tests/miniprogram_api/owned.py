"""Things that belong to somebody, for the matrix of who may do what."""

from typing import Any
from uuid import UUID

from kit.ids import new_id, new_number
from kit.money import Fen
from shop.payments.gateway import Channel
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from tests.miniprogram_api.world import Person, World

# The kinds of ids of things that belong to one member, and are nothing to others.
OWNED = ("order_id", "card_id", "product_id", "sale_id", "withdrawal_id", "message_id")
BODIES_OF_OWNED: dict[str, Any] = {
    "POST /v1/withdrawals": {"amount_fen": 100, "channel": "alipay"},
}


def own_withdrawal(world: World, owner: Person) -> str:
    """Return the id of a withdrawal that the person was paid."""
    paid = Withdrawal(
        id=new_id(),
        member_id=UUID(owner.id),
        requested_by_id=UUID(owner.id),
        channel=Channel.ALIPAY,
        app_id="app-1",
        merchant_id="merchant-1",
        out_bill_no=new_number("TW", now=world.now),
        status=WithdrawalStatus.PAID,
        amount_fen=Fen(100),
        fee_fen=Fen(0),
        requested_at=world.now,
        ended_at=world.now,
    )
    with world.begin() as session:
        session.add(paid)
    return str(paid.id)
