"""Plain codes that left the house by the word of two persons; their cards are never sold again.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KINDS = ("refund", "publish", "undo_batch", "export_codes")
FACTS = ("code_exports", "exported_cards")


def upgrade() -> None:
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    op.drop_constraint(op.f("ck_approvals_kind_listed"), "approvals")
    op.create_check_constraint(op.f("ck_approvals_kind_listed"), "approvals", f"kind IN ({listed})")
    make_exports()
    for table in FACTS:
        op.execute(
            f"CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )
        op.execute(
            f"CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
        )
    op.add_column("cards", sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_cards_exported_is_not_sold"),
        "cards",
        "exported_at IS NULL OR (status = 'void' AND NOT is_sellable)",
    )
    op.execute(
        "CREATE TRIGGER exports_stay BEFORE UPDATE OF exported_at ON cards FOR EACH ROW"
        " WHEN (OLD.exported_at IS NOT NULL AND OLD.exported_at IS DISTINCT FROM NEW.exported_at)"
        " EXECUTE FUNCTION forbid_change()"
    )


def make_exports() -> None:
    op.create_table(
        "code_exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("cards_count", sa.Integer(), nullable=False),
        sa.Column("exported_by_id", sa.Uuid(), nullable=False),
        sa.Column("approved_by_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "exported_by_id <> approved_by_id", name=op.f("ck_code_exports_two_persons")
        ),
        sa.CheckConstraint("cards_count > 0", name=op.f("ck_code_exports_cards_count_sane")),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.id"], name=op.f("fk_code_exports_approval_id_approvals")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_code_exports_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["exported_by_id"],
            ["operators.id"],
            name=op.f("fk_code_exports_exported_by_id_operators"),
        ),
        sa.ForeignKeyConstraint(
            ["approved_by_id"],
            ["operators.id"],
            name=op.f("fk_code_exports_approved_by_id_operators"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_exports")),
        sa.UniqueConstraint("approval_id", name=op.f("uq_code_exports_approval_id")),
    )
    op.create_index("ix_code_exports_batch_id", "code_exports", ["batch_id"])
    op.create_table(
        "exported_cards",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["code_exports.id"],
            name=op.f("fk_exported_cards_export_id_code_exports"),
        ),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name=op.f("fk_exported_cards_card_id_cards")
        ),
        sa.PrimaryKeyConstraint("export_id", "card_id", name=op.f("pk_exported_cards")),
    )
    op.create_index("ix_exported_cards_card_id", "exported_cards", ["card_id"])


def downgrade() -> None:
    raise NotImplementedError("going back would lose which codes left the house")
