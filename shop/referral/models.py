"""Tables of referral: invites, touches, attributions, rules, commissions, earnings, statement.

One level only: a commission names one order line and one earner, and nothing names a commission
as its reason. See docs/adr/0029.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, fen_not_negative, positive_fen, text_enum
from kit.lifecycle import Lifecycle
from kit.money import Fen
from kit.sweep import Retried


class Invite(Base):
    """A member's code for a campaign, or for everything; opening it binds who opens.

    A leader has another one for each of their chat groups, which tells where somebody came from.
    """

    __tablename__ = "invites"
    __table_args__ = (
        CheckConstraint("views >= 0", name="views_sane"),
        Index(
            "uq_invites_current",
            "member_id",
            "campaign_id",
            "chat_group_id",
            unique=True,
            postgresql_where="is_current",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_invites_member_id", "member_id", "id"),
        Index(
            "ix_invites_campaign_id",
            "campaign_id",
            postgresql_where="campaign_id IS NOT NULL",
        ),
    )

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaigns.id"))
    chat_group_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_groups.id"), index=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    # Of two joined members' codes one is given when asked again; both go on working.
    is_current: Mapped[bool] = mapped_column(default=True)
    views: Mapped[int] = mapped_column(BigInteger, default=0)  # of the share page
    created_at: Mapped[datetime]


class TouchRefusal(StrEnum):
    """Why opening an invite bound nobody."""

    SELF = "self"  # their own, or of an account that was joined to theirs
    RELATED = "related"  # one person to the platforms, one purse or one device for both
    MUTUAL = "mutual"  # whoever opens it has brought the inviter


class Touch(Base):
    """A signed-in member opened an invite. Insert-only; the last that was not refused counts."""

    __tablename__ = "touches"
    __table_args__ = (
        CheckConstraint("at < expires_at", name="window_sane"),
        Index("ix_touches_member_id", "member_id", "at"),
        Index("ix_touches_invite_id", "invite_id", "member_id"),
    )

    id: Mapped[PrimaryId]
    invite_id: Mapped[UUID] = mapped_column(ForeignKey("invites.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    refusal: Mapped[TouchRefusal | None] = mapped_column(
        text_enum(TouchRefusal, name="refusal_listed")
    )
    at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Attribution(Base):
    """Which touch a paid order is owed to, decided when it was paid. Insert-only."""

    __tablename__ = "attributions"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    invite_id: Mapped[UUID] = mapped_column(ForeignKey("invites.id"), index=True)
    touch_id: Mapped[UUID] = mapped_column(ForeignKey("touches.id"))
    at: Mapped[datetime]


class CommissionRule(Base):
    """What a leader earns on a unit: a share or a fixed amount; the most specific rule wins."""

    __tablename__ = "commission_rules"
    __table_args__ = (
        CheckConstraint("(basis_points IS NULL) <> (fixed_fen IS NULL)", name="one_way"),
        CheckConstraint("basis_points BETWEEN 1 AND 5000", name="basis_points_sane"),
        positive_fen("fixed_fen"),
        CheckConstraint("holds_days BETWEEN 0 AND 365", name="holds_sane"),
        CheckConstraint("ends_at IS NULL OR starts_at <= ends_at", name="window_sane"),
    )

    id: Mapped[PrimaryId]
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaigns.id"))
    sku_id: Mapped[UUID | None] = mapped_column(ForeignKey("skus.id"))
    leader_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))
    basis_points: Mapped[int | None]
    fixed_fen: Mapped[Fen | None]  # for each unit
    holds_days: Mapped[int]  # from delivery until it is payable: the window for refunds
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class CommissionStatus(StrEnum):
    """How a commission stands."""

    PENDING = "pending"  # the order is not delivered, or may still come back
    PAYABLE = "payable"
    PAID = "paid"  # what comes back from now on is the leader's debt
    CLAWED_BACK = "clawed_back"  # everything it was earned on came back first
    GIVEN_UP = "given_up"  # the leader closed the account before it was paid


COMMISSION_LIFECYCLE = Lifecycle(
    "commission",
    initial=CommissionStatus.PENDING,
    moves={
        CommissionStatus.PENDING: {
            CommissionStatus.PAYABLE,
            CommissionStatus.CLAWED_BACK,
            CommissionStatus.GIVEN_UP,
        },
        CommissionStatus.PAYABLE: {
            CommissionStatus.PAID,
            CommissionStatus.CLAWED_BACK,
            CommissionStatus.GIVEN_UP,
        },
        CommissionStatus.PAID: set(),
        CommissionStatus.CLAWED_BACK: set(),
        CommissionStatus.GIVEN_UP: set(),
    },
)


class Commission(Base, Retried):
    """What one leader earns on one order line, by a rule as it was; `due_at`: may it be paid?"""

    __tablename__ = "commissions"
    __table_args__ = (
        positive_fen("base_fen"),
        positive_fen("amount_fen"),
        fen_not_negative("left_fen"),
        CheckConstraint("left_fen <= amount_fen AND amount_fen <= base_fen", name="amounts_sane"),
        CheckConstraint("(status = 'clawed_back') <= (left_fen = 0)", name="clawed_back_whole"),
        CheckConstraint("(status = 'given_up') <= (left_fen = 0)", name="given_up_whole"),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="due_when"),
        CheckConstraint("(basis_points IS NULL) <> (fixed_fen IS NULL)", name="one_way"),
        Index("ix_commissions_earner_id", "earner_id", "status", "id"),
        Index("ix_commissions_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    lifecycle = COMMISSION_LIFECYCLE

    id: Mapped[PrimaryId]
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"), unique=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    earner_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    status: Mapped[CommissionStatus] = mapped_column(
        text_enum(CommissionStatus, name="status_listed")
    )
    # The rule as it was when the order was placed.
    rule_id: Mapped[UUID] = mapped_column(ForeignKey("commission_rules.id"))
    basis_points: Mapped[int | None]
    fixed_fen: Mapped[Fen | None]
    holds_days: Mapped[int]
    quantity: Mapped[int]
    base_fen: Mapped[Fen]  # what the line cost
    amount_fen: Mapped[Fen]  # earned at first
    left_fen: Mapped[Fen]  # of it, after all that came back
    created_at: Mapped[datetime]


class Earnings(Base, Retried):
    """What one leader has coming, was paid and owes: the sums of their entries, kept by them.

    `untold_fen` was earned since they were last told; `due_at`: tell them now. Closed sums are of
    a leader who became part of another or is gone: nothing more is earned here.
    """

    __tablename__ = "earnings"
    __table_args__ = (
        fen_not_negative("pending_fen"),
        fen_not_negative("payable_fen"),
        fen_not_negative("withdrawing_fen"),
        fen_not_negative("paid_fen"),
        fen_not_negative("debt_fen"),
        # A debt is set off at once against whatever there is to be paid.
        CheckConstraint("payable_fen = 0 OR debt_fen = 0", name="set_off"),
        fen_not_negative("untold_fen"),
        CheckConstraint("(untold_fen > 0) = (due_at IS NOT NULL)", name="due_when"),
        Index("ix_earnings_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    pending_fen: Mapped[Fen] = mapped_column(default=0)
    payable_fen: Mapped[Fen] = mapped_column(default=0)
    withdrawing_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    debt_fen: Mapped[Fen] = mapped_column(default=0)
    untold_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    closed_at: Mapped[datetime | None]


class EntryKind(StrEnum):
    """What a line of the statement tells."""

    EARNED = "earned"  # an order was paid
    MATURED = "matured"  # the window for refunds is over
    CLAWED_BACK = "clawed_back"  # units came back before the leader was paid
    INDEBTED = "indebted"  # units came back afterwards
    GIVEN_UP = "given_up"  # the leader closed the account: it is the house's again
    SET_OFF = "set_off"  # earnings pay the debt
    WITHDRAWN = "withdrawn"  # asked for: a withdrawal is open
    RETURNED = "returned"  # of a withdrawal that came to nothing
    PAID_OUT = "paid_out"
    HANDED_OVER = "handed_over"  # to the member that this one became part of
    TAKEN_OVER = "taken_over"  # from a member that became part of this one


class CommissionEntry(Base):
    """A line of a leader's statement: by how much each of the five sums changes. Insert-only."""

    __tablename__ = "commission_entries"
    __table_args__ = (Index("ix_commission_entries_member_id", "member_id", "id"),)

    id: Mapped[PrimaryId]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    commission_id: Mapped[UUID | None] = mapped_column(ForeignKey("commissions.id"), index=True)
    kind: Mapped[EntryKind] = mapped_column(text_enum(EntryKind, name="kind_listed"))
    pending_fen: Mapped[Fen] = mapped_column(default=0)
    payable_fen: Mapped[Fen] = mapped_column(default=0)
    withdrawing_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    debt_fen: Mapped[Fen] = mapped_column(default=0)
    # Opaque: withdrawals live a room higher.
    withdrawal_id: Mapped[UUID | None] = mapped_column(index=True)
    at: Mapped[datetime]
