"""The sweep of members: have platforms look at avatars before others see them."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.members import avatars
from shop.members.platforms import ImageCheck, Platform


def check_due_avatars(
    begin: Begin, checks: Mapping[Platform, ImageCheck], *, now: datetime, at_once: int = 1
) -> Swept:
    """Ask about avatars that nobody has looked at, or of which no verdict came."""

    def act(check_id: UUID) -> None:
        avatars.ask_about_avatar(begin, checks, check_id, now=now)

    due = avatars.due_checks(now)
    return sweep(begin, due, act, name="check_due_avatars", at_once=at_once)
