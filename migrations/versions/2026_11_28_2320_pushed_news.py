"""What WeCom pushes about chat groups; who a task waits for; avatars that wait for a verdict.

Revision ID: 0017
Revises: 0016
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

EVENT_KINDS = ("created", "dismissed", "renamed", "owner_changed", "joined", "left", "other")
LIFECYCLES = {
    "avatar_checks": {
        "asked": ["passed", "refused", "replaced", "waiting"],
        "passed": [],
        "refused": [],
        "replaced": [],
        "waiting": ["asked", "replaced"],
    },
}


def text_enum(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


# Defaults stay with the columns, for whatever older code still writes rows.
def add_retried(table: str) -> None:
    op.add_column(table, sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(table, sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(table, sa.Column("last_error", sa.String(length=200), nullable=True))
    op.create_index(
        f"ix_{table}_due_at", table, ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )


def change_chat_groups() -> None:
    add_retried("chat_groups")
    op.add_column(
        "chat_groups", sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True)
    )
    for name in ("members_joined", "members_left"):
        op.add_column(
            "chat_groups", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )
        op.create_check_constraint(
            op.f(f"ck_chat_groups_{name}_sane"), "chat_groups", f"{name} >= 0"
        )
    op.create_table(
        "chat_group_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("chat_id", sa.String(length=64), nullable=False),
        sa.Column("chat_group_id", sa.Uuid(), nullable=True),
        sa.Column("kind", text_enum(*EVENT_KINDS, name="kind_listed"), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "members BETWEEN 0 AND 1000000", name=op.f("ck_chat_group_events_members_sane")
        ),
        sa.ForeignKeyConstraint(
            ["chat_group_id"],
            ["chat_groups.id"],
            name=op.f("fk_chat_group_events_chat_group_id_chat_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_group_events")),
        sa.UniqueConstraint("digest", name=op.f("uq_chat_group_events_digest")),
    )
    op.create_index("ix_chat_group_events_chat_id", "chat_group_events", ["chat_id", "id"])
    op.create_index(
        "ix_chat_group_events_chat_group_id", "chat_group_events", ["chat_group_id", "id"]
    )
    op.execute(
        "CREATE TRIGGER facts_stay BEFORE UPDATE OR DELETE ON chat_group_events"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.execute(
        "CREATE TRIGGER facts_stay_all BEFORE TRUNCATE ON chat_group_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
    )


def add_avatar_checks() -> None:
    op.add_column(
        "members",
        sa.Column("is_avatar_fit", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "avatar_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column(
            "status", text_enum(*LIFECYCLES["avatar_checks"], name="status_listed"), nullable=False
        ),
        sa.Column("trace_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_avatar_checks_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avatar_checks")),
        sa.UniqueConstraint("trace_id", name=op.f("uq_avatar_checks_trace_id")),
    )
    op.create_index("ix_avatar_checks_member_id", "avatar_checks", ["member_id"])
    op.create_index(
        "ix_avatar_checks_due_at",
        "avatar_checks",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON avatar_checks FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['avatar_checks'])}')"
    )
    # Nobody has looked at those that are there: they are shown again once somebody has.
    op.execute(
        "INSERT INTO avatar_checks"
        " (id, member_id, url, status, created_at, attempts, due_at)"
        " SELECT gen_random_uuid(), id, avatar_url, 'waiting', now(), 0, now()"
        " FROM members WHERE avatar_url IS NOT NULL"
    )


def upgrade() -> None:
    change_chat_groups()
    op.add_column("pushes", sa.Column("sender", sa.String(length=64), nullable=True))
    add_avatar_checks()


def downgrade() -> None:
    raise NotImplementedError("going back would lose what was heard")
