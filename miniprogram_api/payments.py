"""Starting a payment of an order."""

from uuid import UUID

from flask import Response

from miniprogram_api import idempotency
from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.ports import ports
from miniprogram_api.schemas.payments import PaymentAnswer, PaymentIn, PaymentOut
from shop.orders.paying import (
    NoPayerIdentity,
    NotPayable,
    PaymentRefused,
    PlatformUnsure,
    start_payment,
)
from shop.orders.queries import OrderNotFound
from shop.payments.models import Payment

blueprint = member_blueprint("payments", tag="Payments")


@blueprint.post("/orders/<uuid:order_id>/payments")
@blueprint.input(PaymentIn)
@blueprint.output(PaymentAnswer, status_code=201)
@blueprint.doc(summary="Start paying an order")
@idempotency.needs_key
@refuses(OrderNotFound, NotPayable, NoPayerIdentity, PaymentRefused, PlatformUnsure)
def start(order_id: UUID, json_data: PaymentIn) -> Response:
    """Open a trade at the platform; again for the same order it is the same trade."""
    member_id = caller().member_id
    with ports().begin() as session:
        earlier = idempotency.recall(
            session, member_id=member_id, body=json_data, now=ports().clock()
        )
    if earlier is not None:
        return earlier
    # Opens its own transactions, because it asks the platform in between.
    payment = start_payment(
        ports().begin,
        ports().gateways,
        order_id=order_id,
        sign_in=caller().sign_in,
        channel=json_data.channel,
        payer_hash_key=ports().payer_hash_key,
        clock=ports().clock,
    )
    answer = _answer(payment)
    with ports().begin() as session:
        # Of two such requests at the same time both get the answer that was stored first.
        earlier = idempotency.recall(
            session, member_id=member_id, body=json_data, now=ports().clock()
        )
        return earlier or idempotency.remember(
            session, member_id=member_id, answer=answer, status=201
        )


def _answer(payment: Payment) -> PaymentAnswer:
    return PaymentAnswer(
        payment=PaymentOut(
            id=payment.id,
            order_id=payment.order_id,
            channel=payment.channel,
            status=payment.status,
            amount_fen=payment.amount_fen,
            expires_at=payment.expires_at,
        ),
        params={name: str(value) for name, value in (payment.params or {}).items()},
    )
