"""Leader-run order sheets: leaders, help-sell bands, sheets, their items and numbered entries.

Revision ID: 0003
Revises: 0002
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LIFECYCLES = {
    "order_sheets": {
        "cancelled": [],
        "confirmed": [],
        "failed": [],
        "open": ["cancelled", "confirmed", "failed"],
    },
    "sheet_entries": {
        "held": ["lapsed", "left", "paid"],
        "lapsed": ["paid"],
        "left": [],
        "paid": ["left", "returned"],
        "returned": [],
    },
}
REASONS = (
    "member",
    "late",
    "double",
    "undeliverable",
    "group_failed",
    "group_late",
    "left",
    "price_drop",
    "sheet_failed",
)


def add_triggers() -> None:
    op.execute(
        "CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON sheet_items"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.execute(
        "CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON sheet_items"
        " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
    )
    for table, moves in LIFECYCLES.items():
        op.execute(
            f"CREATE TRIGGER check_move BEFORE UPDATE OF status ON {table} FOR EACH ROW"
            " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
            f" EXECUTE FUNCTION check_move('{json.dumps(moves)}')"
        )


def widen_what_was_there() -> None:
    listed = ", ".join(f"'{reason}'" for reason in REASONS)
    op.drop_constraint(op.f("ck_refunds_reason_listed"), "refunds")
    op.create_check_constraint(op.f("ck_refunds_reason_listed"), "refunds", f"reason IN ({listed})")
    op.create_check_constraint(
        op.f("ck_members_leader_active"), "members", "leader_since IS NULL OR status = 'active'"
    )
    op.create_check_constraint(
        op.f("ck_skus_help_sell_whole"),
        "skus",
        "(help_sell_min_fen IS NULL) = (help_sell_max_fen IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_skus_help_sell_sane"),
        "skus",
        "help_sell_min_fen > 0 AND help_sell_min_fen <= help_sell_max_fen"
        " AND help_sell_max_fen <= 10000000000",
    )


def upgrade() -> None:
    op.create_table(
        "order_sheets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("leader_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "confirmed",
                "failed",
                "cancelled",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("chat_group", sa.String(length=40), nullable=False),
        sa.Column("minimum_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("entries_count", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (decided_at IS NULL)", name=op.f("ck_order_sheets_decided_when")
        ),
        sa.CheckConstraint(
            "status <> 'confirmed' OR paid_fen >= minimum_fen",
            name=op.f("ck_order_sheets_minimum_met"),
        ),
        sa.CheckConstraint(
            "status <> 'failed' OR paid_fen < minimum_fen",
            name=op.f("ck_order_sheets_minimum_missed"),
        ),
        sa.CheckConstraint(
            "entries_count BETWEEN 0 AND 500", name=op.f("ck_order_sheets_entries_count_sane")
        ),
        sa.CheckConstraint(
            "minimum_fen >= 0 AND minimum_fen <= 10000000000",
            name=op.f("ck_order_sheets_minimum_fen_sane"),
        ),
        sa.CheckConstraint("opened_at < ends_at", name=op.f("ck_order_sheets_window_sane")),
        sa.CheckConstraint("paid_fen >= 0", name=op.f("ck_order_sheets_paid_fen_sane")),
        sa.ForeignKeyConstraint(
            ["leader_id"], ["members.id"], name=op.f("fk_order_sheets_leader_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_sheets")),
    )
    op.create_index(
        "ix_order_sheets_due_at",
        "order_sheets",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index("ix_order_sheets_leader_id", "order_sheets", ["leader_id", "id"], unique=False)
    op.create_table(
        "sheet_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("after_number", sa.Integer(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "held",
                "paid",
                "lapsed",
                "left",
                "returned",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'paid') <= (paid_at IS NOT NULL)", name=op.f("ck_sheet_entries_paid_when")
        ),
        sa.CheckConstraint(
            "after_number IS NOT DISTINCT FROM NULLIF(number - 1, 0)",
            name=op.f("ck_sheet_entries_after_the_one_before"),
        ),
        sa.CheckConstraint("number BETWEEN 1 AND 500", name=op.f("ck_sheet_entries_number_sane")),
        sa.CheckConstraint(
            "total_fen > 0 AND total_fen <= 10000000000",
            name=op.f("ck_sheet_entries_total_fen_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_sheet_entries_member_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_sheet_entries_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id", "after_number"],
            ["sheet_entries.sheet_id", "sheet_entries.number"],
            name=op.f("fk_sheet_entries_sheet_id_after_number_sheet_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["order_sheets.id"], name=op.f("fk_sheet_entries_sheet_id_order_sheets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_entries")),
        sa.UniqueConstraint("order_id", name=op.f("uq_sheet_entries_order_id")),
        sa.UniqueConstraint("sheet_id", "number", name=op.f("uq_sheet_entries_sheet_id_number")),
    )
    op.create_index(
        "ix_sheet_entries_member_id", "sheet_entries", ["member_id", "sheet_id"], unique=False
    )
    op.create_table(
        "sheet_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("band_min_fen", sa.BigInteger(), nullable=False),
        sa.Column("band_max_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "price_fen > 0 AND price_fen <= 10000000000",
            name=op.f("ck_sheet_items_price_fen_positive"),
        ),
        sa.CheckConstraint(
            "price_fen BETWEEN band_min_fen AND band_max_fen",
            name=op.f("ck_sheet_items_price_in_band"),
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["order_sheets.id"], name=op.f("fk_sheet_items_sheet_id_order_sheets")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_sheet_items_sku_id_skus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_items")),
        sa.UniqueConstraint("sheet_id", "position", name=op.f("uq_sheet_items_sheet_id_position")),
        sa.UniqueConstraint("sheet_id", "sku_id", name=op.f("uq_sheet_items_sheet_id_sku_id")),
    )
    op.create_index(op.f("ix_sheet_items_sku_id"), "sheet_items", ["sku_id"], unique=False)
    op.add_column("members", sa.Column("leader_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("skus", sa.Column("help_sell_min_fen", sa.BigInteger(), nullable=True))
    op.add_column("skus", sa.Column("help_sell_max_fen", sa.BigInteger(), nullable=True))

    widen_what_was_there()
    add_triggers()


def downgrade() -> None:
    raise NotImplementedError("going back would lose orders of sheets")
