"""Flash sales: terms, claimed units, the waitlist, draws, reminders; orders that stay closed.

Revision ID: 0004
Revises: 0003
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIFECYCLES = {
    "claims": {
        "held": ["lapsed", "paid"],
        "lapsed": [],
        "paid": ["returned"],
        "returned": [],
    },
    "waits": {
        "lapsed": [],
        "left": [],
        "offered": ["lapsed", "left", "taken"],
        "over": [],
        "taken": [],
        "waiting": ["left", "offered", "over"],
    },
}


def add_triggers() -> None:
    op.execute(
        "CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON draws"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.execute(
        "CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON draws"
        " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
    )
    for table, moves in LIFECYCLES.items():
        op.execute(
            f"CREATE TRIGGER check_move BEFORE UPDATE OF status ON {table} FOR EACH ROW"
            " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
            f" EXECUTE FUNCTION check_move('{json.dumps(moves)}')"
        )


def upgrade() -> None:
    op.create_table(
        "flash_terms",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "rush",
                "lottery",
                name="mode_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("limit_per_member", sa.Integer(), nullable=False),
        sa.Column("offer_seconds", sa.Integer(), nullable=False),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("early_seconds", sa.Integer(), nullable=False),
        sa.Column("early_units", sa.Integer(), nullable=False),
        sa.Column("early_orders", sa.Integer(), nullable=False),
        sa.Column("draw_seed", sa.LargeBinary(length=32), nullable=True),
        sa.CheckConstraint(
            "(mode = 'lottery') = (draw_seed IS NOT NULL)",
            name=op.f("ck_flash_terms_draw_promised"),
        ),
        sa.CheckConstraint(
            "(early_seconds > 0) = (early_units > 0)", name=op.f("ck_flash_terms_early_whole")
        ),
        sa.CheckConstraint(
            "early_orders BETWEEN 1 AND 1000", name=op.f("ck_flash_terms_early_orders_sane")
        ),
        sa.CheckConstraint(
            "early_seconds BETWEEN 0 AND 86400", name=op.f("ck_flash_terms_early_seconds_sane")
        ),
        sa.CheckConstraint(
            "limit_per_member BETWEEN 1 AND 100", name=op.f("ck_flash_terms_limit_per_member_sane")
        ),
        sa.CheckConstraint(
            "offer_seconds BETWEEN 1 AND 604800", name=op.f("ck_flash_terms_offer_sane")
        ),
        sa.CheckConstraint("shards BETWEEN 1 AND 16", name=op.f("ck_flash_terms_shards_sane")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_flash_terms_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["campaign_items.id"], name=op.f("fk_flash_terms_item_id_campaign_items")
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_flash_terms")),
        sa.UniqueConstraint(
            "campaign_id",
            "limit_per_member",
            name=op.f("uq_flash_terms_campaign_id_limit_per_member"),
        ),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("limit_per_member", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("unit_no", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "held",
                "paid",
                "lapsed",
                "returned",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "unit_no BETWEEN 1 AND limit_per_member", name=op.f("ck_claims_unit_no_within_limit")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "limit_per_member"],
            ["flash_terms.campaign_id", "flash_terms.limit_per_member"],
            name=op.f("fk_claims_campaign_id_limit_per_member_flash_terms"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_claims_member_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_claims_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("order_id", "unit_no", name=op.f("uq_claims_order_id_unit_no")),
    )
    op.create_index(
        "ix_claims_ended_at",
        "claims",
        ["campaign_id", "ended_at"],
        unique=False,
        postgresql_where="ended_at IS NOT NULL",
    )
    op.create_index("ix_claims_member_id", "claims", ["member_id"], unique=False)
    op.create_index(
        "uq_claims_unit",
        "claims",
        ["campaign_id", "member_id", "unit_no"],
        unique=True,
        postgresql_where="status IN ('held', 'paid')",
    )
    op.create_table(
        "draws",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("entries_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("winners", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["flash_terms.campaign_id"],
            name=op.f("fk_draws_campaign_id_flash_terms"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_draws")),
    )
    op.create_table(
        "reminders",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["flash_terms.campaign_id"],
            name=op.f("fk_reminders_campaign_id_flash_terms"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_reminders_member_id_members")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "member_id", name=op.f("pk_reminders")),
    )
    op.create_index(
        "ix_reminders_due_at",
        "reminders",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_table(
        "waits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "offered",
                "taken",
                "lapsed",
                "left",
                "over",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'offered') <= (offered_until IS NOT NULL)", name=op.f("ck_waits_offer_whole")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["flash_terms.campaign_id"],
            name=op.f("fk_waits_campaign_id_flash_terms"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_waits_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waits")),
    )
    op.create_index(
        "ix_waits_due_at", "waits", ["due_at"], unique=False, postgresql_where="due_at IS NOT NULL"
    )
    op.create_index("ix_waits_member_id", "waits", ["member_id", "campaign_id"], unique=False)
    op.create_index(
        "ix_waits_queue",
        "waits",
        ["campaign_id", "rank", "id"],
        unique=False,
        postgresql_where="status = 'waiting'",
    )
    op.create_index(
        "uq_waits_member",
        "waits",
        ["campaign_id", "member_id"],
        unique=True,
        postgresql_where="status IN ('waiting', 'offered')",
    )
    op.add_column(
        "orders", sa.Column("is_revivable", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.alter_column("orders", "is_revivable", server_default=None)
    op.create_index(
        "ix_payments_payer_hash",
        "payments",
        ["payer_hash"],
        unique=False,
        postgresql_where="payer_hash IS NOT NULL",
    )
    add_triggers()


def downgrade() -> None:
    raise NotImplementedError("going back would lose claims")
