"""What platforms push and look up, in memory: customer groups, pictures, ways in from groups."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kit.pushed_messages import PushedMessages
from sandbox.pushes import Address, new_names, xml_of
from shop.chat_groups.directory import DirectoryUnavailable, GroupSeen, GroupUnknown
from shop.members.platforms import CodeRefused, GroupEntry, PictureUnseen, PlatformUnavailable

NAMES: Final = new_names()
APP_ID: Final = "app-1"
CORP_ID: Final = "ww0123456789abcdef"


def address(receiver: str) -> Address:
    """Return the platform's side of an address of ours."""
    return Address(NAMES["callback_token"], NAMES["callback_aes_key"], receiver)


def messages(receiver: str) -> PushedMessages:
    """Return our side of it."""
    return PushedMessages(
        token=NAMES["callback_token"], aes_key=NAMES["callback_aes_key"], receiver=receiver
    )


def group_event(chat_id: str, change: str, at: datetime, **more: object) -> str:
    """Return an event of a customer group as WeCom writes it."""
    return xml_of(
        {
            "ToUserName": CORP_ID,
            "FromUserName": "sys",
            "CreateTime": int(at.timestamp()),
            "MsgType": "event",
            "Event": "change_external_chat",
            "ChatId": chat_id,
            "ChangeType": change,
            **more,
        }
    )


@dataclass
class MemoryDirectory:
    """The company's customer groups."""

    groups: dict[str, GroupSeen] = field(default_factory=dict)
    opengids: dict[str, str] = field(default_factory=dict)
    is_silent: bool = False
    asked: list[str] = field(default_factory=list)

    def look(self, *, chat_id: str) -> GroupSeen:
        """Show a group."""
        self._answer(chat_id)
        if chat_id not in self.groups:
            raise GroupUnknown("errcode 86003")
        return self.groups[chat_id]

    def chat_id_of(self, *, opengid: str) -> str:
        """Tell which group it is."""
        self._answer(opengid)
        if opengid not in self.opengids:
            raise GroupUnknown("errcode 40058")
        return self.opengids[opengid]

    def _answer(self, name: str) -> None:
        self.asked.append(name)
        if self.is_silent:
            raise DirectoryUnavailable("no answer")


@dataclass
class MemoryImages:
    """Looks at pictures; nobody hears of it unless a test says so."""

    app_id: str = APP_ID
    is_silent: bool = False
    is_away: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, *, url: str, open_id: str) -> str:
        """Take a picture in."""
        self.asked.append((url, open_id))
        if self.is_silent:
            raise PlatformUnavailable("no answer")
        if self.is_away:
            raise PictureUnseen("errcode 61010")
        return f"trace-{len(self.asked)}"


@dataclass
class MemoryGroupDoor:
    """A way in whose code is "open-id:nonce", good once; what is sealed is the group's id."""

    is_silent: bool = False
    used: set[str] = field(default_factory=set)

    def open(self, *, code: str, sealed: str, iv: str, now: datetime) -> GroupEntry:
        """Open it once."""
        if self.is_silent:
            raise PlatformUnavailable("no answer")
        if code in self.used or not iv:
            raise CodeRefused("used")
        self.used.add(code)
        return GroupEntry(open_id=code.split(":", maxsplit=1)[0], opengid=sealed)
