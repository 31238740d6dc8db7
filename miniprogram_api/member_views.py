"""Turning a member's row into what they see of themselves."""

from sqlalchemy.orm import Session

from miniprogram_api.ports import ports
from miniprogram_api.schemas.me import MeOut
from shop.members import queries
from shop.members.models import Member


def view_me(session: Session, member: Member) -> MeOut:
    """Return the profile with the phone number masked; open ids and hashes stay where they are."""
    return MeOut(
        id=member.id,
        nickname=member.nickname,
        avatar_url=member.avatar_url,
        is_avatar_shown=member.is_avatar_fit,
        phone_masked=queries.masked_phone(ports().phone_book, member),
        platforms=queries.list_platforms(session, member.id),
        created_at=member.created_at,
    )
