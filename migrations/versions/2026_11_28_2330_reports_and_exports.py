"""Day sums of the ledger, files for operators, and the indexes of the pages of money.

Revision ID: 0018
Revises: 0017
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

LIFECYCLES = {
    "exports": {
        "queued": ["deleted", "writing"],
        "writing": ["deleted", "done", "failed"],
        "done": ["deleted"],
        "failed": ["deleted"],
        "deleted": [],
    }
}
CHANNELS = ("wechat_pay", "alipay")
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


def listed(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def make_reports() -> None:
    op.create_table(
        "report_days",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("summed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "NOT is_closed OR summed_at IS NOT NULL", name=op.f("ck_report_days_closed_whole")
        ),
        sa.CheckConstraint("is_closed = (due_at IS NULL)", name=op.f("ck_report_days_due_when")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_days")),
        sa.UniqueConstraint("day", name=op.f("uq_report_days_day")),
    )
    op.create_index(
        "ix_report_days_due_at",
        "report_days",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "account_days",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("debits_fen", sa.BigInteger(), nullable=False),
        sa.Column("credits_fen", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debits_fen >= 0 AND credits_fen >= 0", name=op.f("ck_account_days_sums_sane")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_days_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_account_days")),
    )
    op.create_index("ix_account_days_day", "account_days", ["day"])
    op.create_table(
        "day_figures",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind", listed("kind_listed", "paid", "promised_back", "given_back"), nullable=False
        ),
        sa.Column("channel", listed("channel_listed", *CHANNELS), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("reason", listed("reason_listed", *REASONS), nullable=True),
        sa.Column("things", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "things >= 0 AND units >= 0 AND amount_fen >= 0",
            name=op.f("ck_day_figures_sums_sane"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_day_figures")),
    )
    op.create_index("ix_day_figures_day", "day_figures", ["day", "kind"])


def make_exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            listed("kind_listed", "orders", "payments", "refunds", "statements", "ledger", "audit"),
            nullable=False,
        ),
        sa.Column("format", listed("format_listed", "csv", "xlsx"), nullable=False),
        sa.Column("query", postgresql.JSONB(), nullable=False),
        sa.Column("status", listed("status_listed", *LIFECYCLES["exports"]), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_name", sa.String(length=80), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "row_count >= 0 AND byte_count >= 0", name=op.f("ck_exports_counts_sane")
        ),
        sa.CheckConstraint(
            "(status IN ('queued', 'writing', 'done')) = (due_at IS NOT NULL)",
            name=op.f("ck_exports_due_when"),
        ),
        sa.CheckConstraint(
            "(status = 'done') <= (sha256 IS NOT NULL)", name=op.f("ck_exports_done_whole")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_exports_operator_id_operators")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(
        "ix_exports_due_at", "exports", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("ix_exports_operator_id", "exports", ["operator_id", "id"])
    op.create_table(
        "export_chunks",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["exports.id"],
            name=op.f("fk_export_chunks_export_id_exports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("export_id", "position", name=op.f("pk_export_chunks")),
    )
    for table, moves in LIFECYCLES.items():
        op.execute(
            f"CREATE TRIGGER check_move BEFORE UPDATE OF status ON {table} FOR EACH ROW"
            " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
            f" EXECUTE FUNCTION check_move('{json.dumps(moves)}')"
        )


def upgrade() -> None:
    make_reports()
    make_exports()
    for side in ("debit", "credit"):
        column = f"{side}_account_id"
        op.create_index(f"ix_transfers_{side}", "transfers", [column, "seq"])
        op.drop_index(f"ix_transfers_{column}", table_name="transfers")
    op.create_index(
        "ix_transfers_at",
        "transfers",
        ["at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "on"},
    )
    op.create_index(
        "ix_payments_listed",
        "payments",
        ["channel", "status", "id"],
        postgresql_where=sa.text("CAST(channel AS text) <> ''"),
    )
    op.create_index("ix_security_events_subject", "security_events", ["subject", "id"])


def downgrade() -> None:
    op.drop_index("ix_security_events_subject", table_name="security_events")
    op.drop_index("ix_payments_listed", table_name="payments")
    op.drop_index("ix_transfers_at", table_name="transfers")
    for side in ("debit", "credit"):
        column = f"{side}_account_id"
        op.create_index(f"ix_transfers_{column}", "transfers", [column])
        op.drop_index(f"ix_transfers_{side}", table_name="transfers")
    for table in ("export_chunks", "exports", "day_figures", "account_days", "report_days"):
        op.drop_table(table)
