"""Requests that a second person decides; operators who must renew what others know of them.

Revision ID: 0013
Revises: 0012
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KINDS = ("refund", "publish", "undo_batch")
ENDS = ("carried_out", "failed", "refused", "withdrawn", "expired")
LIFECYCLES = {
    "approvals": {
        "carried_out": [],
        "expired": [],
        "failed": [],
        "refused": [],
        "waiting": ["carried_out", "expired", "failed", "refused", "withdrawn"],
        "withdrawn": [],
    },
}
TERMS = (
    "kind",
    "subject",
    "arguments",
    "amount_fen",
    "why",
    "asked_by_id",
    "asked_at",
    "expires_at",
)


def _listed(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _listed(*KINDS, name="kind_listed"), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("status", _listed("waiting", *ENDS, name="status_listed"), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.String(length=200), nullable=True),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint("decided_by_id <> asked_by_id", name=op.f("ck_approvals_two_persons")),
        sa.CheckConstraint(
            "(status IN ('carried_out', 'failed', 'refused')) = (decided_by_id IS NOT NULL)",
            name=op.f("ck_approvals_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (ended_at IS NULL)", name=op.f("ck_approvals_ended_whole")
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (due_at IS NOT NULL)", name=op.f("ck_approvals_due_when")
        ),
        sa.CheckConstraint("expires_at > asked_at", name=op.f("ck_approvals_lasts")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_approvals_amount_fen_sane")),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["operators.id"], name=op.f("fk_approvals_asked_by_id_operators")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["operators.id"], name=op.f("fk_approvals_decided_by_id_operators")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(
        "uq_approvals_waiting",
        "approvals",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index("ix_approvals_asked_by_id", "approvals", ["asked_by_id", "id"])
    op.create_index(
        "ix_approvals_due_at",
        "approvals",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON approvals FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['approvals'])}')"
    )
    old, new = (", ".join(f"{row}.{name}" for name in TERMS) for row in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER terms_stay BEFORE UPDATE ON approvals FOR EACH ROW"
        f" WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION forbid_change()"
    )
    op.execute(
        "CREATE TRIGGER requests_stay BEFORE DELETE ON approvals"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.add_column(
        "operators",
        sa.Column("must_renew", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("operators", sa.Column("entitled_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("going back would lose who approved what")
