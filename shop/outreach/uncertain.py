"""Messages of which no answer came, and what somebody saw who looked into the chat group."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.lifecycle import move
from shop.chat_groups import queries as chat_groups
from shop.chat_groups import rules as pace
from shop.outreach import queries
from shop.outreach.models import Push, PushStatus


class NothingUnknown(Conflict):
    """What became of the push is known."""

    code = "outreach.nothing_unknown"
    title = "What became of the push is known"
    message = "该推送的结果已经明确"


def note_look(
    session: Session, push_id: UUID, *, is_there: bool, actor: str, now: datetime
) -> Push:
    """Write down whether an uncertain message is in its group; one that is not has failed.

    It is not sent again: its leader can copy the text. Raises `PushNotFound` or `NothingUnknown`.
    """
    push = queries.lock_some_push(session, push_id)
    if push.is_certain:
        raise NothingUnknown
    push.is_certain = True
    if not is_there:
        push.reason = "somebody looked: it is not in the group"
        push.sent_at = None
        group = chat_groups.lock_chat_group(session, push.chat_group_id)
        pace.give_place_back(group, taken_at=push.handed_at or now)
        move(session, push, PushStatus.FAILED, at=now, actor=actor)
    return push
