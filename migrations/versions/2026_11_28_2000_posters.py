"""Posters: codes and links of the platforms for invites; the device of a sign-in, hashed.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "platform_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invite_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "wechat_code",
                "wechat_link",
                "alipay_code",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "picture IS NULL OR url IS NULL", name=op.f("ck_platform_codes_one_of_both")
        ),
        sa.CheckConstraint(
            "made_at IS NOT NULL OR (picture IS NULL AND url IS NULL)",
            name=op.f("ck_platform_codes_made_when"),
        ),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["invites.id"], name=op.f("fk_platform_codes_invite_id_invites")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_codes")),
        sa.UniqueConstraint("invite_id", "kind", name=op.f("uq_platform_codes_invite_id_kind")),
    )
    op.create_index(
        "ix_platform_codes_due_at",
        "platform_codes",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.add_column("sign_ins", sa.Column("device_hash", sa.LargeBinary(length=32), nullable=True))
    op.create_index(
        "ix_sign_ins_device_hash",
        "sign_ins",
        ["device_hash"],
        unique=False,
        postgresql_where="device_hash IS NOT NULL",
    )


def downgrade() -> None:
    raise NotImplementedError("going back would lose codes and devices")
