"""The table of posters: what the platforms made for an invite."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base, PrimaryId, text_enum
from kit.sweep import Retried
from shop.posters.makers import CodeKind


class PlatformCode(Base, Retried):
    """A code or a link of one kind for one invite; `due_at`: it is to be made, or made anew."""

    __tablename__ = "platform_codes"
    __table_args__ = (
        UniqueConstraint("invite_id", "kind"),
        CheckConstraint("picture IS NULL OR url IS NULL", name="one_of_both"),
        CheckConstraint(
            "made_at IS NOT NULL OR (picture IS NULL AND url IS NULL)", name="made_when"
        ),
        Index("ix_platform_codes_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
    )

    id: Mapped[PrimaryId]
    invite_id: Mapped[UUID] = mapped_column(ForeignKey("invites.id"))
    kind: Mapped[CodeKind] = mapped_column(text_enum(CodeKind, name="kind_listed"))
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)  # a small grey PNG
    url: Mapped[str | None] = mapped_column(String(500))
    made_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]  # NULL: never
    created_at: Mapped[datetime]
