"""Imports every room's models, so that the metadata is whole."""

from flash_sale import models as flash_sale
from group_buy import models as group_buy
from group_buy.sheets import models as sheets
from kit import heartbeat, idempotency, lifecycle, outbox
from kit.db import Base
from shop.approvals import models as approvals
from shop.campaigns import models as campaigns
from shop.cards import models as cards
from shop.catalog import models as catalog
from shop.chat_groups import models as chat_groups
from shop.exports import models as exports
from shop.ledger import models as ledger
from shop.members import models as members
from shop.operators import models as operators
from shop.orders import models as orders
from shop.outreach import models as outreach
from shop.outreach.inbox import models as inbox
from shop.payments import models as payments
from shop.posters import models as posters
from shop.referral import models as referral
from shop.reports import models as reports
from shop.settlement import models as settlement
from shop.withdrawals import models as withdrawals

ROOMS = (
    heartbeat,
    idempotency,
    lifecycle,
    outbox,
    flash_sale,
    group_buy,
    sheets,
    approvals,
    campaigns,
    cards,
    catalog,
    chat_groups,
    exports,
    ledger,
    members,
    operators,
    orders,
    outreach,
    inbox,
    payments,
    posters,
    referral,
    reports,
    settlement,
    withdrawals,
)

metadata = Base.metadata
