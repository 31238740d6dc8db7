"""SKUs are added and changed by operators: some by two persons, the face value of none with cards.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KINDS_BEFORE = ("refund", "publish", "undo_batch", "export_codes")
KINDS = (*KINDS_BEFORE, "add_sku", "change_sku")


def upgrade() -> None:
    list_kinds(KINDS)
    op.execute(
        """
        CREATE FUNCTION keep_face_value() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF EXISTS (SELECT FROM cards JOIN batches ON batches.id = cards.batch_id
                     WHERE batches.sku_id = OLD.id) THEN
            RAISE EXCEPTION 'SKU % has cards: its face value and kind stay', OLD.id
              USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER face_value_stays BEFORE UPDATE OF face_value_fen, kind ON skus"
        " FOR EACH ROW WHEN ((OLD.face_value_fen, OLD.kind) IS DISTINCT FROM"
        " (NEW.face_value_fen, NEW.kind)) EXECUTE FUNCTION keep_face_value()"
    )


def list_kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_approvals_kind_listed"), "approvals")
    op.create_check_constraint(op.f("ck_approvals_kind_listed"), "approvals", f"kind IN ({listed})")


def downgrade() -> None:
    op.execute("DROP TRIGGER face_value_stays ON skus")
    op.execute("DROP FUNCTION keep_face_value()")
    list_kinds(KINDS_BEFORE)
