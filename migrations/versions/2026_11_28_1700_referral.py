"""Referral: invites, touches, attributions, commissions with their rules, and statements.

Revision ID: 0005
Revises: 0004
"""

import json
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ACCOUNT_NAMESPACE = UUID("5e0d5b60-7e9a-5a4e-9c57-2b7f3f0c4b11")
HOUSE_ACCOUNTS = ("commissions", "commission_payouts")
ACCOUNT_KINDS = (
    "clearing",
    "fees",
    "unearned",
    "refunds_due",
    "sales",
    "commissions",
    "commission_pending",
    "commission_payable",
    "commission_debt",
    "commission_payouts",
)
INSERT_ONLY = ("touches", "attributions", "commission_entries")
LIFECYCLES = {
    "commissions": {
        "clawed_back": [],
        "paid": [],
        "payable": ["clawed_back", "paid"],
        "pending": ["clawed_back", "payable"],
    },
}


def add_triggers() -> None:
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


def open_accounts() -> None:
    listed = ", ".join(f"'{kind}'" for kind in ACCOUNT_KINDS)
    op.drop_constraint(op.f("ck_accounts_kind_listed"), "accounts")
    op.create_check_constraint(op.f("ck_accounts_kind_listed"), "accounts", f"kind IN ({listed})")
    accounts = sa.table(
        "accounts", sa.column("id", sa.Uuid()), sa.column("kind"), sa.column("owner")
    )
    op.bulk_insert(
        accounts,
        [
            {"id": uuid5(ACCOUNT_NAMESPACE, f"{kind}:"), "kind": kind, "owner": ""}
            for kind in HOUSE_ACCOUNTS
        ],
    )


def upgrade() -> None:
    op.create_table(
        "earnings",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("pending_fen", sa.BigInteger(), nullable=False),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("debt_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debt_fen >= 0 AND debt_fen <= 10000000000", name=op.f("ck_earnings_debt_fen_sane")
        ),
        sa.CheckConstraint(
            "paid_fen >= 0 AND paid_fen <= 10000000000", name=op.f("ck_earnings_paid_fen_sane")
        ),
        sa.CheckConstraint("payable_fen = 0 OR debt_fen = 0", name=op.f("ck_earnings_set_off")),
        sa.CheckConstraint(
            "payable_fen >= 0 AND payable_fen <= 10000000000",
            name=op.f("ck_earnings_payable_fen_sane"),
        ),
        sa.CheckConstraint(
            "pending_fen >= 0 AND pending_fen <= 10000000000",
            name=op.f("ck_earnings_pending_fen_sane"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_earnings_member_id_members")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_earnings")),
    )
    op.create_table(
        "commission_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.Column("leader_id", sa.Uuid(), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=True),
        sa.Column("fixed_fen", sa.BigInteger(), nullable=True),
        sa.Column("holds_days", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(basis_points IS NULL) <> (fixed_fen IS NULL)",
            name=op.f("ck_commission_rules_one_way"),
        ),
        sa.CheckConstraint(
            "basis_points BETWEEN 1 AND 5000", name=op.f("ck_commission_rules_basis_points_sane")
        ),
        sa.CheckConstraint(
            "ends_at IS NULL OR starts_at <= ends_at", name=op.f("ck_commission_rules_window_sane")
        ),
        sa.CheckConstraint(
            "fixed_fen > 0 AND fixed_fen <= 10000000000",
            name=op.f("ck_commission_rules_fixed_fen_positive"),
        ),
        sa.CheckConstraint(
            "holds_days BETWEEN 0 AND 365", name=op.f("ck_commission_rules_holds_sane")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_commission_rules_campaign_id_campaigns"),
        ),
        sa.ForeignKeyConstraint(
            ["leader_id"], ["members.id"], name=op.f("fk_commission_rules_leader_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["sku_id"], ["skus.id"], name=op.f("fk_commission_rules_sku_id_skus")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_rules")),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("views >= 0", name=op.f("ck_invites_views_sane")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_invites_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_invites_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("code", name=op.f("uq_invites_code")),
    )
    op.create_index("ix_invites_member_id", "invites", ["member_id", "id"], unique=False)
    op.create_index(
        "uq_invites_current",
        "invites",
        ["member_id", "campaign_id"],
        unique=True,
        postgresql_where="is_current",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "commissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("earner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "payable",
                "paid",
                "clawed_back",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("basis_points", sa.Integer(), nullable=True),
        sa.Column("fixed_fen", sa.BigInteger(), nullable=True),
        sa.Column("holds_days", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("base_fen", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("left_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'clawed_back') <= (left_fen = 0)",
            name=op.f("ck_commissions_clawed_back_whole"),
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (due_at IS NOT NULL)", name=op.f("ck_commissions_due_when")
        ),
        sa.CheckConstraint(
            "(basis_points IS NULL) <> (fixed_fen IS NULL)", name=op.f("ck_commissions_one_way")
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 10000000000",
            name=op.f("ck_commissions_amount_fen_positive"),
        ),
        sa.CheckConstraint(
            "base_fen > 0 AND base_fen <= 10000000000",
            name=op.f("ck_commissions_base_fen_positive"),
        ),
        sa.CheckConstraint(
            "left_fen <= amount_fen AND amount_fen <= base_fen",
            name=op.f("ck_commissions_amounts_sane"),
        ),
        sa.CheckConstraint(
            "left_fen >= 0 AND left_fen <= 10000000000", name=op.f("ck_commissions_left_fen_sane")
        ),
        sa.ForeignKeyConstraint(
            ["earner_id"], ["members.id"], name=op.f("fk_commissions_earner_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_commissions_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"],
            ["order_lines.id"],
            name=op.f("fk_commissions_order_line_id_order_lines"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["commission_rules.id"],
            name=op.f("fk_commissions_rule_id_commission_rules"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commissions")),
        sa.UniqueConstraint("order_line_id", name=op.f("uq_commissions_order_line_id")),
    )
    op.create_index(
        "ix_commissions_due_at",
        "commissions",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(
        "ix_commissions_earner_id", "commissions", ["earner_id", "status"], unique=False
    )
    op.create_index(op.f("ix_commissions_order_id"), "commissions", ["order_id"], unique=False)
    op.create_table(
        "touches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invite_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "refusal",
            sa.Enum(
                "self",
                "related",
                "mutual",
                name="refusal_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("at < expires_at", name=op.f("ck_touches_window_sane")),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["invites.id"], name=op.f("fk_touches_invite_id_invites")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_touches_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touches")),
    )
    op.create_index("ix_touches_invite_id", "touches", ["invite_id", "member_id"], unique=False)
    op.create_index("ix_touches_member_id", "touches", ["member_id", "at"], unique=False)
    op.create_table(
        "attributions",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("invite_id", sa.Uuid(), nullable=False),
        sa.Column("touch_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["invites.id"], name=op.f("fk_attributions_invite_id_invites")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_attributions_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["touch_id"], ["touches.id"], name=op.f("fk_attributions_touch_id_touches")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_attributions")),
    )
    op.create_index(op.f("ix_attributions_invite_id"), "attributions", ["invite_id"], unique=False)
    op.create_table(
        "commission_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("commission_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "earned",
                "matured",
                "clawed_back",
                "indebted",
                "set_off",
                "paid_out",
                "handed_over",
                "taken_over",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("pending_fen", sa.BigInteger(), nullable=False),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("debt_fen", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["commission_id"],
            ["commissions.id"],
            name=op.f("fk_commission_entries_commission_id_commissions"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_commission_entries_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_entries")),
    )
    op.create_index(
        op.f("ix_commission_entries_commission_id"),
        "commission_entries",
        ["commission_id"],
        unique=False,
    )
    op.create_index(
        "ix_commission_entries_member_id", "commission_entries", ["member_id", "id"], unique=False
    )
    # Asked for each order that is paid: who is part of its member.
    op.create_index(
        "ix_members_joined_into_id",
        "members",
        ["joined_into_id"],
        unique=False,
        postgresql_where="joined_into_id IS NOT NULL",
    )
    open_accounts()
    add_triggers()


def downgrade() -> None:
    raise NotImplementedError("going back would lose commissions")
