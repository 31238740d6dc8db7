"""The spine: members, catalogue, cards, orders, payments, ledger, settlement, mechanisms.

Revision ID: 0001
Revises: (nothing)
"""

import json
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSERT_ONLY = ("transfers", "status_changes", "reveals", "notices", "security_events")

LIFECYCLES = {
    "members": {
        "active": ["deleted", "joined"],
        "deleted": [],
        "joined": [],
    },
    "products": {
        "draft": ["published"],
        "published": ["withdrawn"],
        "withdrawn": ["published"],
    },
    "batches": {
        "frozen": ["open", "undone"],
        "importing": ["open", "undone"],
        "open": ["frozen", "undone"],
        "undone": [],
    },
    "cards": {
        "delivered": ["free", "revealed"],
        "free": ["reserved", "void"],
        "reserved": ["delivered", "free"],
        "revealed": ["void"],
        "void": [],
    },
    "payments": {
        "captured": [],
        "closed": ["captured"],
        "created": ["captured", "closed", "prepaid"],
        "prepaid": ["captured", "closed"],
    },
    "refunds": {
        "done": [],
        "requested": ["done", "sent", "stuck"],
        "sent": ["done", "stuck"],
        "stuck": ["done", "requested"],
    },
    "orders": {
        "closed": ["paid"],
        "fulfilled": ["refunding"],
        "paid": ["fulfilled", "refunding"],
        "pending": ["closed", "paid"],
        "refunded": [],
        "refunding": ["fulfilled", "refunded"],
    },
    "differences": {
        "open": ["resolved"],
        "resolved": ["open"],
    },
}

HOUSE_ACCOUNTS = (
    ("clearing", "wechat_pay"),
    ("clearing", "alipay"),
    ("fees", ""),
    ("unearned", ""),
    ("refunds_due", ""),
    ("sales", ""),
)
ACCOUNT_NAMESPACE = UUID("5e0d5b60-7e9a-5a4e-9c57-2b7f3f0c4b11")

FORBID_CHANGE = """
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are facts: never changed, never removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""
CHECK_MOVE = """
CREATE FUNCTION check_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (TG_ARGV[0]::jsonb -> OLD.status) ? NEW.status THEN
        RAISE EXCEPTION '% may not move from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def add_triggers() -> None:
    op.execute(FORBID_CHANGE)
    op.execute(CHECK_MOVE)
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )
        op.execute(
            f"CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
        )
    for table, moves in LIFECYCLES.items():
        op.execute(
            f"CREATE TRIGGER check_move BEFORE UPDATE OF status ON {table} FOR EACH ROW"
            " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
            f" EXECUTE FUNCTION check_move('{json.dumps(moves)}')"
        )


def open_house_accounts() -> None:
    accounts = sa.table(
        "accounts", sa.column("id", sa.Uuid()), sa.column("kind"), sa.column("owner")
    )
    op.bulk_insert(
        accounts,
        [
            {"id": uuid5(ACCOUNT_NAMESPACE, f"{kind}:{owner}"), "kind": kind, "owner": owner}
            for kind, owner in HOUSE_ACCOUNTS
        ],
    )


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "clearing",
                "fees",
                "unearned",
                "refunds_due",
                "sales",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("kind", "owner", name=op.f("uq_accounts_kind_owner")),
    )
    op.create_table(
        "bill_days",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "wechat_pay",
                "alipay",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_days")),
        sa.UniqueConstraint("channel", "day", name=op.f("uq_bill_days_channel_day")),
    )
    op.create_index(
        "ix_bill_days_due_at",
        "bill_days",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_table(
        "differences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "wechat_pay",
                "alipay",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "payment_missing_here",
                "payment_missing_there",
                "payment_amount",
                "refund_missing_here",
                "refund_missing_there",
                "refund_amount",
                "ledger_missing",
                "ledger_amount",
                "duplicate_row",
                "unknown_number",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "resolved",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
        sa.UniqueConstraint(
            "channel", "day", "kind", "number", name=op.f("uq_differences_channel_day_kind_number")
        ),
    )
    op.create_index(op.f("ix_differences_status"), "differences", ["status"], unique=False)
    op.create_table(
        "heartbeats",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "process", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "joined",
                "deleted",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("nickname", sa.String(length=40), nullable=True),
        sa.Column("avatar_url", sa.String(length=500), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("joined_into_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'joined') = (joined_into_id IS NOT NULL)",
            name=op.f("ck_members_joined_whole"),
        ),
        sa.CheckConstraint(
            "(phone_sealed IS NULL) = (phone_hash IS NULL)", name=op.f("ck_members_phone_whole")
        ),
        sa.ForeignKeyConstraint(
            ["joined_into_id"], ["members.id"], name=op.f("fk_members_joined_into_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("phone_hash", name=op.f("uq_members_phone_hash")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "wechat_pay",
                "alipay",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("notice_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("out_trade_no", sa.String(length=64), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("channel", "notice_id", name=op.f("uq_notices_channel_notice_id")),
    )
    op.create_index(op.f("ix_notices_out_trade_no"), "notices", ["out_trade_no"], unique=False)
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("emitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
    )
    op.create_index(
        "ix_outbox_events_waiting",
        "outbox_events",
        ["next_attempt_at"],
        unique=False,
        postgresql_where="done_at IS NULL AND next_attempt_at IS NOT NULL",
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "withdrawn",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("brand", sa.String(length=40), nullable=False),
        sa.Column(
            "scenario",
            sa.Enum(
                "gaming",
                "video",
                "shopping",
                "work",
                "home",
                "local_life",
                name="scenario_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("purchase_notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )
    op.create_index(op.f("ix_products_status"), "products", ["status"], unique=False)
    op.create_table(
        "security_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_events")),
    )
    op.create_index(op.f("ix_security_events_kind"), "security_events", ["kind"], unique=False)
    op.create_table(
        "status_changes",
        sa.Column("seq", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("old", sa.String(length=32), nullable=False),
        sa.Column("new", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_status_changes")),
    )
    op.create_index("ix_status_changes_row_id_at", "status_changes", ["row_id", "at"], unique=False)
    op.create_table(
        "bill_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bill_day_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "payment",
                "refund",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("transaction_no", sa.String(length=64), nullable=False),
        sa.Column("out_trade_no", sa.String(length=64), nullable=False),
        sa.Column("out_refund_no", sa.String(length=64), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_fen >= 0 AND amount_fen <= 10000000000",
            name=op.f("ck_bill_lines_amount_fen_sane"),
        ),
        sa.ForeignKeyConstraint(
            ["bill_day_id"],
            ["bill_days.id"],
            name=op.f("fk_bill_lines_bill_day_id_bill_days"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_lines")),
    )
    op.create_index("ix_bill_lines_bill_day_id", "bill_lines", ["bill_day_id"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_consents_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "member_id",
            "document",
            "version",
            "given_at",
            name=op.f("uq_consents_member_id_document_version_given_at"),
        ),
    )
    op.create_index(op.f("ix_consents_member_id"), "consents", ["member_id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "platform",
            sa.Enum(
                "wechat",
                "alipay",
                name="platform_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("app_id", sa.String(length=64), nullable=False),
        sa.Column("open_id", sa.String(length=128), nullable=False),
        sa.Column("union_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_identities_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint(
            "platform", "app_id", "open_id", name=op.f("uq_identities_platform_app_id_open_id")
        ),
    )
    op.create_index(op.f("ix_identities_member_id"), "identities", ["member_id"], unique=False)
    op.create_index("ix_identities_union_id", "identities", ["platform", "union_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_no", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "sale_channel",
            sa.Enum(
                "weapp_ios",
                "weapp_android",
                "alipay",
                "h5",
                name="sale_channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "paid",
                "fulfilled",
                "refunding",
                "refunded",
                "closed",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "close_reason",
            sa.Enum(
                "lapsed",
                "cancelled",
                name="close_reason_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'closed') <= (closed_at IS NOT NULL)", name=op.f("ck_orders_closed_when")
        ),
        sa.CheckConstraint(
            "status NOT IN ('paid', 'fulfilled', 'refunding', 'refunded') OR paid_at IS NOT NULL",
            name=op.f("ck_orders_paid_when"),
        ),
        sa.CheckConstraint(
            "total_fen > 0 AND total_fen <= 10000000000", name=op.f("ck_orders_total_fen_positive")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_orders_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("order_no", name=op.f("uq_orders_order_no")),
    )
    op.create_index(
        "ix_orders_due_at",
        "orders",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index("ix_orders_member_id", "orders", ["member_id", "id"], unique=False)
    op.create_table(
        "outbox_receipts",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("handler", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["outbox_events.id"],
            name=op.f("fk_outbox_receipts_event_id_outbox_events"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_id", "handler", name=op.f("pk_outbox_receipts")),
    )
    op.create_table(
        "skus",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "card_code",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("face_value_fen", sa.BigInteger(), nullable=False),
        sa.Column("list_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("limit_per_order", sa.Integer(), nullable=False),
        sa.Column("limit_per_day", sa.Integer(), nullable=True),
        sa.Column("limit_ever", sa.Integer(), nullable=True),
        sa.Column(
            "refund_rule",
            sa.Enum(
                "until_revealed",
                "until_redeemed",
                "never",
                name="refund_rule_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("warranty_days", sa.Integer(), nullable=False),
        sa.Column("on_sale", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cost_fen >= 0 AND cost_fen <= 10000000000", name=op.f("ck_skus_cost_fen_sane")
        ),
        sa.CheckConstraint(
            "face_value_fen > 0 AND face_value_fen <= 10000000000",
            name=op.f("ck_skus_face_value_fen_positive"),
        ),
        sa.CheckConstraint("limit_ever >= 1", name=op.f("ck_skus_limit_ever_sane")),
        sa.CheckConstraint("limit_per_day >= 1", name=op.f("ck_skus_limit_per_day_sane")),
        sa.CheckConstraint(
            "limit_per_order BETWEEN 1 AND 100", name=op.f("ck_skus_limit_per_order_sane")
        ),
        sa.CheckConstraint(
            "list_price_fen > 0 AND list_price_fen <= 10000000000",
            name=op.f("ck_skus_list_price_fen_positive"),
        ),
        sa.CheckConstraint(
            "warranty_days BETWEEN 0 AND 3650", name=op.f("ck_skus_warranty_days_sane")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_skus_product_id_products")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skus")),
        sa.UniqueConstraint("code", name=op.f("uq_skus_code")),
    )
    op.create_index(op.f("ix_skus_product_id"), "skus", ["product_id"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("seq", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("debit_account_id", sa.Uuid(), nullable=False),
        sa.Column("credit_account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("cause_kind", sa.String(length=32), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 10000000000",
            name=op.f("ck_transfers_amount_fen_positive"),
        ),
        sa.CheckConstraint(
            "debit_account_id <> credit_account_id", name=op.f("ck_transfers_two_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["credit_account_id"],
            ["accounts.id"],
            name=op.f("fk_transfers_credit_account_id_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["debit_account_id"],
            ["accounts.id"],
            name=op.f("fk_transfers_debit_account_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_transfers")),
        sa.UniqueConstraint(
            "cause_kind", "cause_id", "leg", name=op.f("uq_transfers_cause_kind_cause_id_leg")
        ),
    )
    op.create_index(
        op.f("ix_transfers_credit_account_id"), "transfers", ["credit_account_id"], unique=False
    )
    op.create_index(
        op.f("ix_transfers_debit_account_id"), "transfers", ["debit_account_id"], unique=False
    )
    op.create_index("ix_transfers_order_id", "transfers", ["order_id"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "importing",
                "open",
                "frozen",
                "undone",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("cards_count", sa.Integer(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_version", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cards_count >= 0", name=op.f("ck_batches_cards_count_sane")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_batches_sku_id_skus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(
        op.f("ix_batches_master_key_version"), "batches", ["master_key_version"], unique=False
    )
    op.create_index(op.f("ix_batches_sku_id"), "batches", ["sku_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_quantity", sa.Integer(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 100", name=op.f("ck_order_lines_quantity_sane")),
        sa.CheckConstraint(
            "refunded_fen <= total_fen", name=op.f("ck_order_lines_refunded_within_total")
        ),
        sa.CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= 10000000000",
            name=op.f("ck_order_lines_refunded_fen_sane"),
        ),
        sa.CheckConstraint(
            "total_fen = unit_price_fen * quantity", name=op.f("ck_order_lines_total_adds_up")
        ),
        sa.CheckConstraint(
            "total_fen > 0 AND total_fen <= 10000000000",
            name=op.f("ck_order_lines_total_fen_positive"),
        ),
        sa.CheckConstraint(
            "unit_price_fen > 0 AND unit_price_fen <= 10000000000",
            name=op.f("ck_order_lines_unit_price_fen_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_order_lines_sku_id_skus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_lines_order_id_position")),
    )
    op.create_index("ix_order_lines_limit", "order_lines", ["member_id", "sku_id"], unique=False)
    op.create_index(op.f("ix_order_lines_order_id"), "order_lines", ["order_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "wechat_pay",
                "alipay",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("app_id", sa.String(length=64), nullable=False),
        sa.Column("merchant_id", sa.String(length=64), nullable=False),
        sa.Column("out_trade_no", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "created",
                "prepaid",
                "captured",
                "closed",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("platform_ref", sa.String(length=128), nullable=True),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("transaction_no", sa.String(length=64), nullable=True),
        sa.Column("payer_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'captured') = (transaction_no IS NOT NULL AND captured_at IS NOT NULL)",
            name=op.f("ck_payments_captured_whole"),
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 10000000000",
            name=op.f("ck_payments_amount_fen_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payments_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "channel", "transaction_no", name=op.f("uq_payments_channel_transaction_no")
        ),
        sa.UniqueConstraint("order_id", "attempt", name=op.f("uq_payments_order_id_attempt")),
        sa.UniqueConstraint("out_trade_no", name=op.f("uq_payments_out_trade_no")),
    )
    op.create_index("ix_payments_captured_at", "payments", ["channel", "captured_at"], unique=False)
    op.create_index(
        "ix_payments_due_at",
        "payments",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(
        "uq_payments_open",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where="status IN ('created', 'prepaid')",
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column(
            "platform",
            sa.Enum(
                "wechat",
                "alipay",
                name="platform_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
            name=op.f("fk_sign_ins_identity_id_identities"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_sign_ins_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sign_ins_member_id"), "sign_ins", ["member_id"], unique=False)
    op.create_table(
        "cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "free",
                "reserved",
                "delivered",
                "revealed",
                "void",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_sellable", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("blind_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_on_key", sa.Integer(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'free') <= (order_line_id IS NULL)", name=op.f("ck_cards_free_of_lines")
        ),
        sa.CheckConstraint(
            "(status = 'revealed') <= (first_revealed_at IS NOT NULL)",
            name=op.f("ck_cards_revealed_when"),
        ),
        sa.CheckConstraint(
            "(status IN ('reserved', 'delivered', 'revealed')) <= (order_line_id IS NOT NULL)",
            name=op.f("ck_cards_held_by_a_line"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_cards_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_lines.id"], name=op.f("fk_cards_order_line_id_order_lines")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_cards_sku_id_skus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_cards_batch_id_position")),
        sa.UniqueConstraint("blind_index", name=op.f("uq_cards_blind_index")),
    )
    op.create_index(
        "ix_cards_free",
        "cards",
        ["sku_id", "expires_on_key", "id"],
        unique=False,
        postgresql_where="status = 'free' AND is_sellable",
    )
    op.create_index("ix_cards_member_id", "cards", ["member_id", "id"], unique=False)
    op.create_index("ix_cards_order_line_id", "cards", ["order_line_id"], unique=False)
    op.create_table(
        "delivery_reports",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(length=120), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_delivery_reports_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_delivery_reports")),
    )
    op.create_index(
        "ix_delivery_reports_due_at",
        "delivery_reports",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "member",
                "late",
                "double",
                "undeliverable",
                name="reason_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("out_refund_no", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "sent",
                "done",
                "stuck",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("platform_refund_no", sa.String(length=64), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'done') = (done_at IS NOT NULL)", name=op.f("ck_refunds_done_whole")
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 10000000000",
            name=op.f("ck_refunds_amount_fen_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("out_refund_no", name=op.f("uq_refunds_out_refund_no")),
        sa.UniqueConstraint(
            "payment_id", "reason", "seq", name=op.f("uq_refunds_payment_id_reason_seq")
        ),
    )
    op.create_index("ix_refunds_done_at", "refunds", ["done_at"], unique=False)
    op.create_index(
        "ix_refunds_due_at",
        "refunds",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_table(
        "reveals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_reveals_card_id_cards")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_reveals_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveals")),
    )
    op.create_index(op.f("ix_reveals_card_id"), "reveals", ["card_id"], unique=False)
    op.create_index(op.f("ix_reveals_member_id"), "reveals", ["member_id"], unique=False)
    add_triggers()
    open_house_accounts()


def downgrade() -> None:
    raise NotImplementedError("going back would lose the books")
