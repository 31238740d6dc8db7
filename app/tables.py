"""Imports every room's models, so that the metadata is whole."""

from kit import heartbeat, idempotency, lifecycle, outbox
from kit.db import Base
from shop.cards import models as cards
from shop.catalog import models as catalog
from shop.ledger import models as ledger
from shop.members import models as members
from shop.orders import models as orders
from shop.payments import models as payments
from shop.settlement import models as settlement

ROOMS = (
    heartbeat,
    idempotency,
    lifecycle,
    outbox,
    cards,
    catalog,
    ledger,
    members,
    orders,
    payments,
    settlement,
)

metadata = Base.metadata
