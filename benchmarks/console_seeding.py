"""Campaigns, claims, groups, refunds and books beside many orders, written by SQL in one go."""

from typing import Final

import psycopg

from benchmarks import console_surroundings as around
from benchmarks.seeding import filling, seed_orders
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id

UNITS: Final = 110  # of each flash sale; a hundred are claimed, one a minute
GROUPS: Final = 40
REFUNDED: Final = 20  # one order of so many

# `plan` is what the orders were made of; half of them are a campaign's, in turn.
_CAMPAIGNS: Final = """
CREATE TEMPORARY TABLE sales AS
SELECT n, uuidv7() AS id, uuidv7() AS item_id,
    CASE WHEN n % 2 = 0 THEN 'group_buy' ELSE 'flash_sale' END AS kind,
    now() - interval '90 days' + n * (interval '89 days' / {campaigns}) AS at
FROM generate_series(1, {campaigns}) AS n;
CREATE INDEX ON sales (n);

INSERT INTO campaigns (id, name, kind, status, starts_at, ends_at, limit_per_member,
    pay_within_seconds, trails_seconds, audience, rules_text, refund_promise, is_stopped,
    created_by, created_at, attempts)
SELECT id, '活动 ' || n, kind, 'settled', at, at + interval '2 hours', 1, 900, 0, 'all', '', '',
    false, 'op', at, 0
FROM sales ORDER BY n;

INSERT INTO campaign_items (id, campaign_id, position, sku_id, deal_price_fen, allotment)
SELECT item_id, sales.id, 0, sku.id, 900, {units}
FROM sales, (SELECT id FROM skus LIMIT 1) AS sku ORDER BY n;

INSERT INTO flash_terms (campaign_id, item_id, mode, limit_per_member, offer_seconds, shards,
    early_seconds, early_units, early_orders)
SELECT id, item_id, 'rush', 1, 300, 1, 0, 0, 1 FROM sales WHERE kind = 'flash_sale';

INSERT INTO group_terms (campaign_id, seats_required, seats_max, ladder, lasts_seconds,
    new_members_only, groups_per_member, seats_per_member)
SELECT id, 3, 3, '{{"rungs": []}}', 3600, false, 10, 1 FROM sales WHERE kind = 'group_buy';

INSERT INTO claims (id, campaign_id, limit_per_member, member_id, unit_no, order_id, status,
    claimed_at)
SELECT uuidv7(), sales.id, 1, uuidv7(), 1, order_id, 'paid',
    sales.at + (plan.n / (2 * {campaigns})) * interval '1 minute'
FROM plan JOIN sales ON sales.n = 1 + (plan.n / 2) % {campaigns}
WHERE plan.n % 2 = 0 AND kind = 'flash_sale';

INSERT INTO groups (id, campaign_id, item_id, sku_id, status, initiator_id, seats_required,
    seats_max, seats_paid, house_seats, price_fen, opened_at, ends_at, formed_at, failed_at,
    attempts)
SELECT uuidv7(), sales.id, item_id, sku.id, CASE WHEN g % 4 = 0 THEN 'failed' ELSE 'formed' END,
    uuidv7(), 3, 3, 3, 0, 900, at, at + interval '1 hour',
    CASE WHEN g % 4 = 0 THEN NULL ELSE at + interval '1 hour' END,
    CASE WHEN g % 4 = 0 THEN at + interval '1 hour' END, 0
FROM sales, (SELECT id FROM skus LIMIT 1) AS sku, generate_series(1, {groups}) AS g
WHERE kind = 'group_buy';

UPDATE orders SET campaign_id = sales.id FROM plan
JOIN sales ON sales.n = 1 + (plan.n / 2) % {campaigns}
WHERE orders.id = plan.order_id AND plan.n % 2 = 0
"""
_BOOKS: Final = """
CREATE TEMPORARY TABLE back AS
SELECT n, order_id, payment_id, uuidv7() AS refund_id, at FROM plan WHERE n % {refunded} = 0;

INSERT INTO refunds (id, payment_id, order_id, reason, seq, out_refund_no, status, amount_fen,
    requested_at, done_at, attempts)
SELECT refund_id, payment_id, order_id, 'member', 1, 'TR' || lpad(n::text, 22, '0'), 'done', 1000,
    at + interval '5 minutes', at + interval '6 minutes', 0
FROM back ORDER BY n;

INSERT INTO transfers (debit_account_id, credit_account_id, amount_fen, cause_kind, cause_id, leg,
    order_id, at)
SELECT debit, credit, 1000, cause_kind, cause_id, leg, order_id, at FROM (
    SELECT '{clearing}'::uuid AS debit, '{unearned}'::uuid AS credit, 'payment' AS cause_kind,
        payment_id AS cause_id, 'captured' AS leg, order_id, at + interval '1 minute' AS at
    FROM plan
    UNION ALL SELECT '{unearned}', '{sales}', 'order', order_id, 'earned', order_id,
        at + interval '1 minute' FROM plan
    UNION ALL SELECT '{sales}', '{due}', 'refund', refund_id, 'requested', order_id,
        at + interval '5 minutes' FROM back
    UNION ALL SELECT '{due}', '{clearing}', 'refund', refund_id, 'done', order_id,
        at + interval '6 minutes' FROM back
) AS t ORDER BY at
"""
TABLES: Final = (
    "campaigns",
    "campaign_items",
    "claims",
    "groups",
    "orders",
    "refunds",
    "transfers",
)


def seed_all(
    owner: "psycopg.Connection[tuple[object, ...]]", *, orders: int, campaigns: int
) -> None:
    """Write orders with all that pages of the console read of them; the connection is the owner's.

    Foreign keys and triggers are not asked; checks and unique indexes are.
    """
    seed_orders(owner, orders)
    words = {
        "campaigns": campaigns,
        "units": UNITS,
        "groups": GROUPS,
        "refunded": REFUNDED,
        "clearing": account_id(AccountKind.CLEARING, "wechat_pay"),
        "unearned": account_id(AccountKind.UNEARNED),
        "sales": account_id(AccountKind.SALES),
        "due": account_id(AccountKind.REFUNDS_DUE),
    }
    with filling(owner, {*TABLES, *around.TABLES}):
        for statement in f"{_CAMPAIGNS};{_BOOKS}".format(**words).split(";"):
            if statement.strip():
                owner.execute(statement.encode())
        around.seed_around(owner, orders=orders)
