"""What stands around many orders: cards, seats, steps, deeds, leaders and what they earn, news."""

from typing import Final

import psycopg

from shop.ledger.models import AccountKind

BATCHES: Final = 50
LEADERS: Final = 500
DEED_EVERY: Final = 5  # one deed of an operator for so many orders
BROUGHT_EVERY: Final = 4  # one order of so many was brought by a leader

# `plan` is what the orders were made of, `sales` what the campaigns were.
_CARDS: Final = """
CREATE TEMPORARY TABLE supplied AS
SELECT b, uuidv7() AS id, sku.id AS sku_id
FROM generate_series(0, {batches} - 1) AS b, (SELECT id FROM skus LIMIT 1) AS sku;

INSERT INTO batches (id, sku_id, status, file_name, file_sha256, source, cards_count, wrapped_key,
    master_key_version, created_at)
SELECT id, sku_id, 'open', 'codes-' || b, md5(b::text) || md5(b::text), 'bench',
    1 + {orders} / {batches}, '\\x00', 'v1', now() - interval '91 days'
FROM supplied ORDER BY b;

INSERT INTO cards (id, batch_id, position, sku_id, status, is_sellable, sealed, blind_index,
    expires_on_key, order_line_id, member_id, delivered_at)
SELECT uuidv7(), supplied.id, n / {batches}, sku_id, 'delivered', true, '\\x00',
    decode(md5(n::text) || md5('b' || n), 'hex'), 999999, line_id, member_id,
    at + interval '1 minute'
FROM plan JOIN supplied ON b = n % {batches} ORDER BY n;

INSERT INTO status_changes (kind, row_id, old, new, at, actor)
SELECT 'order', order_id, old, new, at + interval '1 minute', 'bench'
FROM plan, (VALUES (1, 'pending', 'paid'), (2, 'paid', 'fulfilled')) AS step (place, old, new)
ORDER BY n, place;

INSERT INTO notices (id, channel, notice_id, kind, out_trade_no, received_at)
SELECT uuidv7(), 'wechat_pay', 'N' || n, 'TRANSACTION.SUCCESS', 'TP' || lpad(n::text, 22, '0'),
    at + interval '1 minute'
FROM plan ORDER BY n;

INSERT INTO operator_actions (id, at, actor, action, subject_kind, subject, address, request_id)
SELECT uuidv7(), at, 'clerk-' || n % 20,
    CASE WHEN n % 50 = 0 THEN 'campaigns.pause' ELSE 'orders.refund' END, 'order',
    order_id::text, '127.0.0.1', 'bench'
FROM plan WHERE n % {deed_every} = 0 ORDER BY n;

INSERT INTO seats (id, group_id, seats_max, seat_no, member_id, member_seat, order_id, status,
    may_move, joined_at, paid_at)
SELECT uuidv7(), groups.id, 3, 1, initiator_id, 1, uuidv7(), 'paid', false, opened_at, opened_at
FROM groups ORDER BY groups.id
"""
_LEADERS: Final = """
CREATE TEMPORARY TABLE bringing AS
SELECT row_number() OVER (ORDER BY id) - 1 AS place, id, uuidv7() AS account_id
FROM members ORDER BY id LIMIT {leaders};

UPDATE members SET leader_since = now() FROM bringing WHERE members.id = bringing.id;

CREATE TEMPORARY TABLE invited AS
SELECT bringing.id AS member_id, place, sales.id AS campaign_id, sales.n, uuidv7() AS id
FROM bringing JOIN sales ON sales.n % {leaders} = place;

INSERT INTO invites (id, member_id, campaign_id, code, is_current, views, created_at)
SELECT id, member_id, campaign_id, 'bench' || n, true, 40, now() FROM invited ORDER BY n;

CREATE TEMPORARY TABLE brought AS
SELECT plan.n, order_id, line_id, plan.member_id, at, invited.id AS invite_id,
    invited.member_id AS earner_id, uuidv7() AS touch_id, uuidv7() AS commission_id
FROM plan JOIN invited ON invited.n = 1 + (plan.n / 2) % (SELECT count(*) FROM invited)
WHERE plan.n % {brought_every} = 0;

INSERT INTO touches (id, invite_id, member_id, at, expires_at)
SELECT touch_id, invite_id, member_id, at, at + interval '7 days' FROM brought ORDER BY n;

INSERT INTO attributions (order_id, invite_id, touch_id, at)
SELECT order_id, invite_id, touch_id, at FROM brought ORDER BY n;

CREATE TEMPORARY TABLE ruled AS SELECT uuidv7() AS id;

INSERT INTO commission_rules (id, basis_points, holds_days, starts_at, created_by, created_at)
SELECT id, 500, 7, now() - interval '91 days', 'bench', now() - interval '91 days' FROM ruled;

INSERT INTO commissions (id, order_line_id, order_id, earner_id, status, rule_id, basis_points,
    holds_days, quantity, base_fen, amount_fen, left_fen, created_at, attempts)
SELECT commission_id, line_id, order_id, earner_id, 'payable', ruled.id, 500, 7, 1, 1000, 50, 50,
    at, 0
FROM brought, ruled ORDER BY n;

INSERT INTO commission_entries (id, member_id, commission_id, kind, pending_fen, payable_fen,
    withdrawing_fen, paid_fen, debt_fen, at)
SELECT uuidv7(), earner_id, commission_id, kind, pending, payable, 0, 0, 0, at
FROM brought, (VALUES ('earned', 50, 0), ('matured', -50, 50)) AS entry (kind, pending, payable)
ORDER BY n, pending DESC;

INSERT INTO earnings (member_id, pending_fen, payable_fen, withdrawing_fen, paid_fen, debt_fen,
    untold_fen, attempts)
SELECT earner_id, 0, count(*) * 50, 0, 0, 0, 0, 0 FROM brought GROUP BY earner_id;

INSERT INTO accounts (id, kind, owner)
SELECT account_id, '{payable}', id::text FROM bringing;

INSERT INTO withdrawals (id, member_id, requested_by_id, channel, app_id, merchant_id,
    out_bill_no, status, amount_fen, fee_fen, requested_at, ended_at, attempts)
SELECT uuidv7(), id, id, 'wechat_pay', 'app', 'merchant', 'TW' || lpad(place || 'x' || w, 22, '0'),
    'paid', 1000, 0, now() - interval '90 days' + w * interval '1 day',
    now() - interval '90 days' + w * interval '1 day', 0
FROM bringing, generate_series(1, 40) AS w
"""
_NEWS: Final = """
INSERT INTO outbox_events (id, name, payload, emitted_at, attempts, next_attempt_at, done_at)
SELECT uuidv7(), 'orders.fulfilled', '{{}}', at, 1, at, at FROM plan ORDER BY n
"""
TABLES: Final = (
    "batches",
    "cards",
    "status_changes",
    "notices",
    "operator_actions",
    "seats",
    "members",
    "invites",
    "touches",
    "attributions",
    "commissions",
    "commission_entries",
    "withdrawals",
    "outbox_events",
)


def seed_around(owner: "psycopg.Connection[tuple[object, ...]]", *, orders: int) -> None:
    """Write what pages read beside orders and campaigns; within the transaction of those."""
    words = {
        "orders": orders,
        "batches": BATCHES,
        "leaders": LEADERS,
        "deed_every": DEED_EVERY,
        "brought_every": BROUGHT_EVERY,
        "payable": AccountKind.COMMISSION_PAYABLE.value,
    }
    for statement in f"{_CARDS};{_LEADERS};{_NEWS}".format(**words).split(";"):
        if statement.strip():
            owner.execute(statement.encode())
