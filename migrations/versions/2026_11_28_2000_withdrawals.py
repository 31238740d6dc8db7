"""Withdrawals of commissions, with a fifth sum of leaders; how long a campaign's invite binds.

Revision ID: 0009
Revises: 0008
"""

import json
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ACCOUNT_NAMESPACE = UUID("5e0d5b60-7e9a-5a4e-9c57-2b7f3f0c4b11")
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
    "commission_withdrawing",
    "commission_payouts",
    "withdrawal_fees",
)
ENTRY_KINDS = (
    "earned",
    "matured",
    "clawed_back",
    "indebted",
    "set_off",
    "withdrawn",
    "returned",
    "paid_out",
    "handed_over",
    "taken_over",
)
LIFECYCLES = {
    "withdrawals": {
        "approved": ["cancelled", "failed", "sending"],
        "awaiting_user": ["cancelled", "failed", "paid"],
        "cancelled": [],
        "failed": [],
        "in_review": ["approved", "cancelled", "rejected"],
        "paid": [],
        "rejected": [],
        "requested": ["approved", "cancelled", "in_review"],
        "sending": ["awaiting_user", "cancelled", "failed", "paid"],
    },
}
OPEN = "'requested', 'in_review', 'approved', 'sending', 'awaiting_user'"


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def open_accounts() -> None:
    op.drop_constraint(op.f("ck_accounts_kind_listed"), "accounts")
    op.create_check_constraint(
        op.f("ck_accounts_kind_listed"), "accounts", f"kind IN ({listed(ACCOUNT_KINDS)})"
    )
    accounts = sa.table(
        "accounts", sa.column("id", sa.Uuid()), sa.column("kind"), sa.column("owner")
    )
    leaders = op.get_bind().execute(sa.text("SELECT member_id FROM earnings")).scalars()
    names = [
        ("withdrawal_fees", ""),
        *(("commission_withdrawing", str(leader)) for leader in leaders),
    ]
    op.bulk_insert(
        accounts,
        [
            {"id": uuid5(ACCOUNT_NAMESPACE, f"{kind}:{owner}"), "kind": kind, "owner": owner}
            for kind, owner in names
        ],
    )


def add_sums() -> None:
    for table in ("earnings", "commission_entries"):
        op.add_column(
            table,
            sa.Column("withdrawing_fen", sa.BigInteger(), server_default="0", nullable=False),
        )
    op.create_check_constraint(
        op.f("ck_earnings_withdrawing_fen_sane"),
        "earnings",
        "withdrawing_fen >= 0 AND withdrawing_fen <= 10000000000",
    )
    op.add_column("commission_entries", sa.Column("withdrawal_id", sa.Uuid(), nullable=True))
    op.create_index(
        op.f("ix_commission_entries_withdrawal_id"), "commission_entries", ["withdrawal_id"]
    )
    op.drop_constraint(op.f("ck_commission_entries_kind_listed"), "commission_entries")
    op.create_check_constraint(
        op.f("ck_commission_entries_kind_listed"),
        "commission_entries",
        f"kind IN ({listed(ENTRY_KINDS)})",
    )


def add_applications() -> None:
    op.add_column(
        "members", sa.Column("leader_applied_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("members", sa.Column("leader_declined_why", sa.String(length=200), nullable=True))


def add_binding() -> None:
    op.add_column(
        "campaigns", sa.Column("binds_days", sa.Integer(), server_default="7", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_campaigns_binds_sane"), "campaigns", "binds_days BETWEEN 1 AND 90"
    )


def create_withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=False),
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
        sa.Column("out_bill_no", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                *("requested", "in_review", "approved", "sending", "awaiting_user"),
                *("paid", "failed", "cancelled", "rejected"),
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("payee_ref", sa.String(length=128), nullable=True),
        sa.Column("platform_no", sa.String(length=64), nullable=True),
        sa.Column("package_info", sa.String(length=512), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column(
            "take_back",
            sa.Enum(
                "member",
                "debt",
                name="take_back_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("unsure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= 10000000000",
            name=op.f("ck_withdrawals_amount_fen_positive"),
        ),
        sa.CheckConstraint(
            "fee_fen >= 0 AND fee_fen < amount_fen", name=op.f("ck_withdrawals_fee_sane")
        ),
        sa.CheckConstraint(
            f"(status IN ({OPEN})) = (ended_at IS NULL)", name=op.f("ck_withdrawals_ended_whole")
        ),
        sa.CheckConstraint(
            "(status IN ('approved', 'sending', 'awaiting_user')) = (due_at IS NOT NULL)",
            name=op.f("ck_withdrawals_due_when"),
        ),
        sa.CheckConstraint(
            "(status IN ('sending', 'awaiting_user')) = (payee_ref IS NOT NULL)",
            name=op.f("ck_withdrawals_payee_when"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_withdrawals_member_id_members")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["members.id"],
            name=op.f("fk_withdrawals_requested_by_id_members"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("out_bill_no", name=op.f("uq_withdrawals_out_bill_no")),
    )
    op.create_index("ix_withdrawals_member_id", "withdrawals", ["member_id", "id"])
    op.create_index(
        "ix_withdrawals_due_at", "withdrawals", ["due_at"], postgresql_where="due_at IS NOT NULL"
    )
    op.create_index(
        "uq_withdrawals_open",
        "withdrawals",
        ["requested_by_id"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON withdrawals FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['withdrawals'])}')"
    )


def upgrade() -> None:
    open_accounts()
    add_sums()
    add_binding()
    add_applications()
    create_withdrawals()


def downgrade() -> None:
    raise NotImplementedError("going back would lose withdrawals")
