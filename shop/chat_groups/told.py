"""What WeCom pushes about customer groups: read, and told apart; nothing of persons is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from kit.pushed_messages import MessageRejected
from shop.chat_groups.models import ChatEventKind

EVENT: Final = "change_external_chat"
MOST_MEMBERS: Final = 1_000_000
_NUMBER: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_CHAT_ID: Final = re.compile(r"[0-9A-Za-z_@.-]{1,64}", re.ASCII)

K = ChatEventKind
BY_CHANGE: Final[Mapping[str, ChatEventKind]] = {"create": K.CREATED, "dismiss": K.DISMISSED}
BY_DETAIL: Final[Mapping[str, ChatEventKind]] = {
    "add_member": K.JOINED,
    "del_member": K.LEFT,
    "change_owner": K.OWNER_CHANGED,
    "change_name": K.RENAMED,
}


@dataclass(frozen=True, slots=True)
class GroupEvent:
    """An event of a customer group, known again by the digest of its message."""

    digest: bytes
    chat_id: str
    kind: ChatEventKind
    members: int
    happened_at: datetime


def read_event(content: str, texts: Mapping[str, str]) -> GroupEvent | None:
    """Return the event of a message, or None when it is about something else.

    Raises `MessageRejected` for what has another form. Two events of a group within one second
    differ in their versions of its members, and so in their digests; repeats of one do not.
    """
    if (texts.get("MsgType"), texts.get("Event")) != ("event", EVENT):
        return None
    if not _CHAT_ID.fullmatch(texts.get("ChatId", "")):
        raise MessageRejected("malformed")
    change, detail = texts.get("ChangeType", ""), texts.get("UpdateDetail", "")
    found = BY_DETAIL.get(detail) if change == "update" else BY_CHANGE.get(change)
    kind = found or K.OTHER
    is_counted = kind in (K.JOINED, K.LEFT)
    members = _number_in(texts, "MemChangeCnt") if is_counted else 0
    if members > MOST_MEMBERS:
        raise MessageRejected("malformed")
    return GroupEvent(
        digest=sha256(content.encode()).digest(),
        chat_id=texts["ChatId"],
        kind=kind,
        members=members,
        happened_at=datetime.fromtimestamp(_number_in(texts, "CreateTime"), UTC),
    )


def _number_in(texts: Mapping[str, str], name: str) -> int:
    text = texts.get(name, "")
    if not _NUMBER.fullmatch(text):
        raise MessageRejected("malformed")
    return int(text)
