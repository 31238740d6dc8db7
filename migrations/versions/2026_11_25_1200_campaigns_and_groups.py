"""Campaigns and group-buy: campaigns, slots, the stop, groups, seats; cards set aside for them.

Revision ID: 0002
Revises: 0001
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIFECYCLES = {
    "campaigns": {
        "cancelled": [],
        "draft": ["cancelled", "scheduled"],
        "ended": ["settled"],
        "live": ["ended", "paused"],
        "paused": ["ended", "live"],
        "scheduled": ["cancelled", "live", "warming"],
        "settled": [],
        "warming": ["cancelled", "live"],
    },
    "groups": {
        "failed": [],
        "formed": [],
        "open": ["failed", "formed"],
    },
    "seats": {
        "held": ["lapsed", "left", "paid"],
        "lapsed": [],
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
)


def add_triggers() -> None:
    op.execute(
        "CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON campaign_edges"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.execute(
        "CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON campaign_edges"
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
    op.drop_index("ix_cards_free", "cards")
    op.create_index(
        "ix_cards_free",
        "cards",
        ["sku_id", "expires_on_key", "id"],
        unique=False,
        postgresql_where="status = 'free' AND is_sellable AND allotted_to IS NULL",
    )


def upgrade() -> None:
    op.create_table(
        "campaign_stops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("stopped_by", sa.String(length=64), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_lifted", sa.Boolean(), nullable=False),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "is_lifted = (lifted_at IS NOT NULL)", name=op.f("ck_campaign_stops_lifted_whole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_stops")),
    )
    op.create_index(
        "uq_campaign_stops_one",
        "campaign_stops",
        ["is_lifted"],
        unique=True,
        postgresql_where="NOT is_lifted",
    )
    op.create_table(
        "slots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("weekdays", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=False),
        sa.Column("lasts_seconds", sa.Integer(), nullable=False),
        sa.Column("warms_seconds", sa.Integer(), nullable=False),
        sa.Column("ahead_hours", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint("ahead_hours BETWEEN 1 AND 336", name=op.f("ck_slots_ahead_sane")),
        sa.CheckConstraint(
            "lasts_seconds BETWEEN 60 AND 2592000", name=op.f("ck_slots_lasts_sane")
        ),
        sa.CheckConstraint(
            "starts_minute BETWEEN 0 AND 1439", name=op.f("ck_slots_starts_minute_sane")
        ),
        sa.CheckConstraint("warms_seconds BETWEEN 0 AND 604800", name=op.f("ck_slots_warms_sane")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
    )
    op.create_index(
        "ix_slots_due_at", "slots", ["due_at"], unique=False, postgresql_where="due_at IS NOT NULL"
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "group_buy",
                "flash_sale",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "scheduled",
                "warming",
                "live",
                "paused",
                "ended",
                "settled",
                "cancelled",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("rules_text", sa.Text(), nullable=False),
        sa.Column("refund_promise", sa.String(length=200), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "all",
                "new_members",
                name="audience_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("limit_per_member", sa.Integer(), nullable=False),
        sa.Column("pay_within_seconds", sa.Integer(), nullable=False),
        sa.Column("warms_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trails_seconds", sa.Integer(), nullable=False),
        sa.Column("pause_reason", sa.String(length=200), nullable=True),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("slot_on", sa.Date(), nullable=True),
        sa.Column("copied_from_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'paused') <= (pause_reason IS NOT NULL)",
            name=op.f("ck_campaigns_paused_why"),
        ),
        sa.CheckConstraint(
            "limit_per_member BETWEEN 1 AND 100", name=op.f("ck_campaigns_limit_per_member_sane")
        ),
        sa.CheckConstraint(
            "pay_within_seconds BETWEEN 1 AND 86400", name=op.f("ck_campaigns_pay_within_sane")
        ),
        sa.CheckConstraint(
            "trails_seconds BETWEEN 0 AND 2592000", name=op.f("ck_campaigns_trails_sane")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_campaigns_window_sane")),
        sa.CheckConstraint(
            "warms_at IS NULL OR warms_at < starts_at", name=op.f("ck_campaigns_warms_before")
        ),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_campaigns_slot_id_slots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("slot_id", "slot_on", name=op.f("uq_campaigns_slot_id_slot_on")),
    )
    op.create_index(
        "ix_campaigns_due_at",
        "campaigns",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index("ix_campaigns_kind_status", "campaigns", ["kind", "status", "id"], unique=False)
    op.create_table(
        "campaign_edges",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column(
            "edge",
            sa.Enum(
                "warm",
                "open",
                "end",
                "settle",
                name="edge_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "passed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_edges_campaign_id_campaigns")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "edge", name=op.f("pk_campaign_edges")),
    )
    op.create_table(
        "campaign_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("deal_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("allotment", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "allotment BETWEEN 1 AND 1000000", name=op.f("ck_campaign_items_allotment_sane")
        ),
        sa.CheckConstraint(
            "deal_price_fen > 0 AND deal_price_fen <= 10000000000",
            name=op.f("ck_campaign_items_deal_price_fen_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_items_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["sku_id"], ["skus.id"], name=op.f("fk_campaign_items_sku_id_skus")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_items")),
        sa.UniqueConstraint(
            "campaign_id", "position", name=op.f("uq_campaign_items_campaign_id_position")
        ),
        sa.UniqueConstraint(
            "campaign_id", "sku_id", name=op.f("uq_campaign_items_campaign_id_sku_id")
        ),
    )
    op.create_index(op.f("ix_campaign_items_sku_id"), "campaign_items", ["sku_id"], unique=False)
    op.create_table(
        "group_terms",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("seats_required", sa.Integer(), nullable=False),
        sa.Column("seats_max", sa.Integer(), nullable=False),
        sa.Column("ladder", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("initiator_price_fen", sa.BigInteger(), nullable=True),
        sa.Column("lasts_seconds", sa.Integer(), nullable=False),
        sa.Column("new_members_only", sa.Boolean(), nullable=False),
        sa.Column("groups_per_member", sa.Integer(), nullable=False),
        sa.Column("seats_per_member", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "groups_per_member BETWEEN 1 AND 100",
            name=op.f("ck_group_terms_groups_per_member_sane"),
        ),
        sa.CheckConstraint(
            "initiator_price_fen > 0", name=op.f("ck_group_terms_initiator_price_fen_positive")
        ),
        sa.CheckConstraint(
            "lasts_seconds BETWEEN 1 AND 2592000", name=op.f("ck_group_terms_lasts_sane")
        ),
        sa.CheckConstraint(
            "seats_per_member BETWEEN 1 AND 20", name=op.f("ck_group_terms_seats_per_member_sane")
        ),
        sa.CheckConstraint(
            "seats_required BETWEEN 2 AND 200 AND seats_max BETWEEN seats_required AND 200",
            name=op.f("ck_group_terms_seats_sane"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_group_terms_campaign_id_campaigns")
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_group_terms")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "formed",
                "failed",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("initiator_id", sa.Uuid(), nullable=False),
        sa.Column("seats_required", sa.Integer(), nullable=False),
        sa.Column("seats_max", sa.Integer(), nullable=False),
        sa.Column("seats_paid", sa.Integer(), nullable=False),
        sa.Column("house_seats", sa.Integer(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nudged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("formed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'failed') = (failed_at IS NOT NULL)", name=op.f("ck_groups_failed_when")
        ),
        sa.CheckConstraint(
            "(status = 'formed') = (formed_at IS NOT NULL)", name=op.f("ck_groups_formed_when")
        ),
        sa.CheckConstraint(
            "house_seats BETWEEN 0 AND seats_required", name=op.f("ck_groups_house_seats_sane")
        ),
        sa.CheckConstraint(
            "price_fen > 0 AND price_fen <= 10000000000", name=op.f("ck_groups_price_fen_positive")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_groups_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["initiator_id"], ["members.id"], name=op.f("fk_groups_initiator_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["campaign_items.id"], name=op.f("fk_groups_item_id_campaign_items")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_groups_sku_id_skus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("id", "seats_max", name=op.f("uq_groups_id_seats_max")),
    )
    op.create_index(
        "ix_groups_campaign_id_status", "groups", ["campaign_id", "status", "id"], unique=False
    )
    op.create_index(
        "ix_groups_due_at",
        "groups",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_table(
        "house_completions",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)",
            name=op.f("ck_house_completions_approved_whole"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> asked_by",
            name=op.f("ck_house_completions_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_house_completions_group_id_groups")
        ),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_house_completions")),
    )
    op.create_table(
        "seats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("seats_max", sa.Integer(), nullable=False),
        sa.Column("seat_no", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("member_seat", sa.Integer(), nullable=False),
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
        sa.Column("may_move", sa.Boolean(), nullable=False),
        sa.Column("moved_from_id", sa.Uuid(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'paid') <= (paid_at IS NOT NULL)", name=op.f("ck_seats_paid_when")
        ),
        sa.CheckConstraint("seat_no BETWEEN 1 AND seats_max", name=op.f("ck_seats_seat_no_exists")),
        sa.ForeignKeyConstraint(
            ["group_id", "seats_max"],
            ["groups.id", "groups.seats_max"],
            name=op.f("fk_seats_group_id_seats_max_groups"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_seats_member_id_members")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_seats_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seats")),
    )
    op.create_index("ix_seats_member_id", "seats", ["member_id", "group_id"], unique=False)
    op.create_index("ix_seats_order_id", "seats", ["order_id"], unique=False)
    op.create_index(
        "uq_seats_member",
        "seats",
        ["group_id", "member_id", "member_seat"],
        unique=True,
        postgresql_where="status IN ('held', 'paid')",
    )
    op.create_index(
        "uq_seats_order",
        "seats",
        ["order_id"],
        unique=True,
        postgresql_where="status IN ('held', 'paid')",
    )
    op.create_index(
        "uq_seats_taken",
        "seats",
        ["group_id", "seat_no"],
        unique=True,
        postgresql_where="status IN ('held', 'paid')",
    )
    op.add_column("cards", sa.Column("allotted_to", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_cards_allotted",
        "cards",
        ["allotted_to", "expires_on_key", "id"],
        unique=False,
        postgresql_where="status = 'free' AND is_sellable AND allotted_to IS NOT NULL",
    )
    op.add_column(
        "order_lines", sa.Column("dropped_fen", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("order_lines", "dropped_fen", server_default=None)
    op.create_check_constraint(
        op.f("ck_order_lines_dropped_sane"),
        "order_lines",
        "dropped_fen BETWEEN 0 AND unit_price_fen - 1",
    )
    op.add_column("orders", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_orders_campaign_id",
        "orders",
        ["campaign_id", "member_id"],
        unique=False,
        postgresql_where="campaign_id IS NOT NULL",
    )
    widen_what_was_there()
    add_triggers()


def downgrade() -> None:
    raise NotImplementedError("going back would lose orders of groups")
