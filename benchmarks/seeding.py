"""A shop with many orders, written by SQL in one go; every constraint and index stays in place."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

LINES_PER_ORDER: Final = 1
ORDERS_PER_MEMBER: Final = 40

# Made after the members who are signed in; together each has as many orders as any other.
_MEMBERS: Final = """
INSERT INTO members (id, status, created_at)
SELECT uuidv7(), 'active', now() FROM generate_series(1, {members} - (SELECT count(*) FROM members))
"""
# In turn through the members, so that no member's orders lie together.
_ORDERS: Final = """
CREATE TEMPORARY TABLE plan AS
SELECT n, uuidv7() AS order_id, uuidv7() AS line_id, uuidv7() AS payment_id, m.id AS member_id,
    now() - interval '90 days' + n * (interval '89 days' / {orders}) AS at
FROM generate_series(1, {orders}) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM members) AS m
    ON m.place = 1 + n % {members}
ORDER BY n;

INSERT INTO orders (id, order_no, member_id, sale_channel, status, total_fen, is_held, is_revivable,
    version, placed_at, pay_by, paid_at, fulfilled_at, attempts)
SELECT order_id, 'TO' || lpad(n::text, 22, '0'), member_id, 'weapp_android', 'fulfilled', 1000,
    false, true, 3, at, at + interval '15 minutes', at + interval '1 minute',
    at + interval '1 minute', 0
FROM plan ORDER BY n;

INSERT INTO order_lines (id, order_id, position, member_id, sku_id, quantity, unit_price_fen,
    total_fen, refunded_fen, refunded_quantity, dropped_fen, snapshot)
SELECT line_id, order_id, 0, member_id, sku.id, 1, 1000, 1000, 0, 0, 0, sku.snapshot
FROM plan, (
    SELECT s.id, jsonb_build_object('product_id', p.id, 'product_title', p.title,
        'brand', p.brand, 'picture', NULL, 'purchase_notes', p.purchase_notes,
        'sku_title', s.title, 'sku_code', s.code, 'kind', s.kind,
        'face_value_fen', s.face_value_fen, 'list_price_fen', s.list_price_fen,
        'cost_fen', s.cost_fen, 'refund_rule', s.refund_rule, 'warranty_days', s.warranty_days
    ) AS snapshot
    FROM skus AS s JOIN products AS p ON p.id = s.product_id LIMIT 1
) AS sku ORDER BY n;

INSERT INTO payments (id, order_id, attempt, channel, app_id, merchant_id, out_trade_no, status,
    amount_fen, transaction_no, created_at, expires_at, captured_at, attempts)
SELECT payment_id, order_id, 1, 'wechat_pay', 'app', 'merchant', 'TP' || lpad(n::text, 22, '0'),
    'captured', 1000, 'T' || n, at, at + interval '15 minutes', at + interval '1 minute', 0
FROM plan ORDER BY n;
"""
_TABLES: Final = ("members", "orders", "order_lines", "payments")
# Those that stand for no constraint; a constraint's own goes on being asked.
_INDEXES: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(%s::regclass[])
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""


def seed_orders(owner: "psycopg.Connection[tuple[object, ...]]", orders: int) -> None:
    """Write paid and delivered orders of one line, `ORDERS_PER_MEMBER` for each member.

    The connection is the owner's and in autocommit. Foreign keys and triggers are not asked, as
    when a dump is read back; checks and unique indexes are.
    """
    members = orders // ORDERS_PER_MEMBER
    with filling(owner, _TABLES):
        owner.execute(_MEMBERS.format(members=members).encode())
        for statement in _ORDERS.format(members=members, orders=orders).split(";"):
            if statement.strip():
                owner.execute(statement.encode())


@contextmanager
def filling(
    owner: "psycopg.Connection[tuple[object, ...]]", tables: Collection[str]
) -> Iterator[None]:
    """Open a transaction that writes many rows: their indexes are made after, all at once.

    Unique ones are asked then; the tables are as after a night of autovacuum.
    """
    with owner.transaction():
        for setting in ("session_replication_role = replica", "synchronous_commit = off"):
            owner.execute(f"SET LOCAL {setting}".encode())
        for setting in ("work_mem = '256MB'", "maintenance_work_mem = '512MB'"):
            owner.execute(f"SET LOCAL {setting}".encode())
        indexes = owner.execute(_INDEXES, [list(tables)]).fetchall()
        for name, _made_by in indexes:
            owner.execute(f"DROP INDEX {name}".encode())
        yield
        for _name, made_by in indexes:
            owner.execute(str(made_by).encode())
    for table in tables:
        owner.execute(f"VACUUM (ANALYZE) {table}".encode())
