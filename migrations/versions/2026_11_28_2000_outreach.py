"""Chat groups; pushes into them; inbox, grants and deliveries; invites that name a chat group.

Revision ID: 0007
Revises: 0006
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSERT_ONLY = ("push_templates",)
LIFECYCLES = {
    "pushes": {
        "awaiting_owner": ["confirmed", "escalated", "failed", "skipped"],
        "confirmed": [],
        "escalated": ["confirmed"],
        "failed": [],
        "planned": ["sending", "skipped"],
        "sending": ["awaiting_owner", "failed", "planned", "sent"],
        "sent": [],
        "skipped": [],
    },
    "subscribe_grants": {
        "closed": [],
        "open": ["closed", "reserved"],
        "reserved": ["closed", "open", "used"],
        "used": [],
    },
    "deliveries": {
        "inbox_only": [],
        "planned": ["inbox_only", "sending"],
        "sending": ["inbox_only", "planned", "sent", "unknown"],
        "sent": [],
        "unknown": [],
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


def upgrade() -> None:
    op.create_table(
        "member_templates",
        sa.Column(
            "kind",
            sa.Enum(
                "group_formed",
                "group_failed",
                "order_refunded",
                "cards_ready",
                "unit_offered",
                "opening_soon",
                "commission_earned",
                "campaign_news",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "platform",
            sa.Enum(
                "wechat",
                "alipay",
                name="platform_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "platform", name=op.f("pk_member_templates")),
    )
    op.create_table(
        "push_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_templates")),
        sa.UniqueConstraint("name", name=op.f("uq_push_templates_name")),
    )
    op.create_table(
        "chat_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "robot",
                "customer_group",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("leader_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("robot_key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("robot_key_hash", sa.LargeBinary(), nullable=True),
        sa.Column("chat_id", sa.String(length=64), nullable=True),
        sa.Column("sender", sa.String(length=64), nullable=True),
        sa.Column("opengid", sa.String(length=64), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("daily_quota", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("sent_today", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(channel = 'customer_group') = (chat_id IS NOT NULL AND sender IS NOT NULL)",
            name=op.f("ck_chat_groups_customer_group_whole"),
        ),
        sa.CheckConstraint(
            "(channel = 'robot') = (robot_key_sealed IS NOT NULL AND robot_key_hash IS NOT NULL)",
            name=op.f("ck_chat_groups_robot_whole"),
        ),
        sa.CheckConstraint(
            "daily_quota BETWEEN 0 AND 1000", name=op.f("ck_chat_groups_daily_quota_sane")
        ),
        sa.CheckConstraint("sent_today >= 0", name=op.f("ck_chat_groups_sent_today_sane")),
        sa.ForeignKeyConstraint(
            ["leader_id"], ["members.id"], name=op.f("fk_chat_groups_leader_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_groups")),
        sa.UniqueConstraint("chat_id", name=op.f("uq_chat_groups_chat_id")),
        sa.UniqueConstraint("opengid", name=op.f("uq_chat_groups_opengid")),
        sa.UniqueConstraint("robot_key_hash", name=op.f("uq_chat_groups_robot_key_hash")),
    )
    op.create_index("ix_chat_groups_leader_id", "chat_groups", ["leader_id", "id"], unique=False)
    op.create_table(
        "inbox_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "group_formed",
                "group_failed",
                "order_refunded",
                "cards_ready",
                "unit_offered",
                "opening_soon",
                "commission_earned",
                "campaign_news",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("body", sa.String(length=300), nullable=False),
        sa.Column("page", sa.String(length=128), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_inbox_messages_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_messages")),
        sa.UniqueConstraint("member_id", "cause", name=op.f("uq_inbox_messages_member_id_cause")),
    )
    op.create_index(
        "ix_inbox_messages_member_id", "inbox_messages", ["member_id", "id"], unique=False
    )
    op.create_index(
        "ix_inbox_messages_unread",
        "inbox_messages",
        ["member_id"],
        unique=False,
        postgresql_where="read_at IS NULL",
    )
    op.create_table(
        "inbox_mutes",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "group_formed",
                "group_failed",
                "order_refunded",
                "cards_ready",
                "unit_offered",
                "opening_soon",
                "commission_earned",
                "campaign_news",
                name="kind_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_inbox_mutes_member_id_members")
        ),
        sa.PrimaryKeyConstraint("member_id", "kind", name=op.f("pk_inbox_mutes")),
    )
    op.create_table(
        "subscribe_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "reserved",
                "used",
                "closed",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_subscribe_grants_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribe_grants")),
    )
    op.create_index(
        "ix_subscribe_grants_member_id", "subscribe_grants", ["member_id", "id"], unique=False
    )
    op.create_index(
        "ix_subscribe_grants_open",
        "subscribe_grants",
        ["member_id", "template_id", "id"],
        unique=False,
        postgresql_where="status = 'open'",
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "sending",
                "sent",
                "unknown",
                "inbox_only",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "platform",
            sa.Enum(
                "wechat",
                "alipay",
                name="platform_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_deliveries_sent_when")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["subscribe_grants.id"],
            name=op.f("fk_deliveries_grant_id_subscribe_grants"),
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["inbox_messages.id"], name=op.f("fk_deliveries_id_inbox_messages")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_deliveries_member_id_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_deliveries_grant_id")),
    )
    op.create_index(
        "ix_deliveries_due_at",
        "deliveries",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(op.f("ix_deliveries_member_id"), "deliveries", ["member_id"], unique=False)
    op.create_table(
        "push_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column(
            "edge",
            sa.Enum(
                "warming",
                "open",
                "almost_gone",
                "last_call",
                "formed",
                "failed",
                "settled",
                name="edge_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "robot",
                "customer_group",
                name="channel_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("chat_group_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("lead_seconds", sa.Integer(), nullable=False),
        sa.Column("quiet_from_minute", sa.Integer(), nullable=False),
        sa.Column("quiet_until_minute", sa.Integer(), nullable=False),
        sa.Column(
            "when_quiet",
            sa.Enum(
                "wait",
                "drop",
                name="when_quiet_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "lead_seconds BETWEEN 0 AND 604800", name=op.f("ck_push_plans_lead_sane")
        ),
        sa.CheckConstraint(
            "quiet_from_minute BETWEEN 0 AND 1439", name=op.f("ck_push_plans_quiet_from_sane")
        ),
        sa.CheckConstraint(
            "quiet_until_minute BETWEEN 0 AND 1439", name=op.f("ck_push_plans_quiet_until_sane")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_push_plans_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["push_templates.id"],
            name=op.f("fk_push_plans_template_id_push_templates"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_plans")),
        sa.UniqueConstraint(
            "campaign_id", "edge", "channel", name=op.f("uq_push_plans_campaign_id_edge_channel")
        ),
    )
    op.create_index(
        "ix_push_plans_due_at",
        "push_plans",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_table(
        "pushes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column(
            "edge",
            sa.Enum(
                "warming",
                "open",
                "almost_gone",
                "last_call",
                "formed",
                "failed",
                "settled",
                name="edge_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("chat_group_id", sa.Uuid(), nullable=False),
        sa.Column("invite_code", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "sending",
                "sent",
                "awaiting_owner",
                "confirmed",
                "escalated",
                "failed",
                "skipped",
                name="status_listed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("planned_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_certain", sa.Boolean(), nullable=False),
        sa.Column("msgid", sa.String(length=64), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(status = 'sending') <= (handed_at IS NOT NULL)", name=op.f("ck_pushes_handed_when")
        ),
        sa.CheckConstraint(
            "(status IN ('awaiting_owner', 'confirmed', 'escalated')) <= (msgid IS NOT NULL)",
            name=op.f("ck_pushes_task_whole"),
        ),
        sa.CheckConstraint(
            "(status IN ('failed', 'skipped')) <= (reason IS NOT NULL)",
            name=op.f("ck_pushes_reason_given"),
        ),
        sa.CheckConstraint("is_certain OR status = 'sent'", name=op.f("ck_pushes_uncertain_when")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_pushes_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["chat_group_id"], ["chat_groups.id"], name=op.f("fk_pushes_chat_group_id_chat_groups")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["push_plans.id"], name=op.f("fk_pushes_plan_id_push_plans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
        sa.UniqueConstraint(
            "campaign_id",
            "edge",
            "chat_group_id",
            name=op.f("uq_pushes_campaign_id_edge_chat_group_id"),
        ),
    )
    op.create_index("ix_pushes_chat_group_id", "pushes", ["chat_group_id", "id"], unique=False)
    op.create_index(
        "ix_pushes_due_at",
        "pushes",
        ["due_at"],
        unique=False,
        postgresql_where="due_at IS NOT NULL",
    )
    op.create_index(op.f("ix_pushes_plan_id"), "pushes", ["plan_id"], unique=False)
    op.create_index(
        "uq_pushes_msgid", "pushes", ["msgid"], unique=True, postgresql_where="msgid IS NOT NULL"
    )
    op.add_column("invites", sa.Column("chat_group_id", sa.Uuid(), nullable=True))
    op.drop_index(
        op.f("uq_invites_current"),
        table_name="invites",
        postgresql_where="is_current",
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "uq_invites_current",
        "invites",
        ["member_id", "campaign_id", "chat_group_id"],
        unique=True,
        postgresql_where="is_current",
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(op.f("ix_invites_chat_group_id"), "invites", ["chat_group_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_invites_chat_group_id_chat_groups"),
        "invites",
        "chat_groups",
        ["chat_group_id"],
        ["id"],
    )
    add_triggers()


def downgrade() -> None:
    raise NotImplementedError("going back would lose what was told to whom")
