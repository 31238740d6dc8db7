"""The forms of a chat group: a new one, and what may be changed of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask_babel import gettext as _

from console.asked import as_id
from shop.chat_groups import rules
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.rules import DAILY_QUOTA, BadChatGroup

FIELDS: Final = ("channel", "leader_id", "name", "chat_id", "sender", "opengid", "daily_quota")
LONGEST: Final = 200


@dataclass
class ChatGroupForm:
    """What was typed, and what is wrong with it, by field. A robot's key is never handed back."""

    typed: dict[str, str]
    robot_key: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "ChatGroupForm":
        """Take the fields of a form; others are not looked at."""
        typed = {name: given.get(name, "").strip()[:LONGEST] for name in FIELDS}
        return cls(typed, given.get("robot_key", "").strip()[:LONGEST])

    @classmethod
    def empty(cls) -> "ChatGroupForm":
        """Return a form with what is usual filled in."""
        usual = {"channel": ChatChannel.ROBOT.value, "daily_quota": str(DAILY_QUOTA)}
        return cls({name: usual.get(name, "") for name in FIELDS})

    @classmethod
    def of(cls, group: ChatGroup) -> "ChatGroupForm":
        """Return a form that says how a chat group is."""
        return cls(
            {
                "channel": group.channel.value,
                "leader_id": str(group.leader_id),
                "name": group.name,
                "chat_id": group.chat_id or "",
                "sender": group.sender or "",
                "opengid": group.opengid or "",
                "daily_quota": str(group.daily_quota),
            }
        )

    def new(self) -> dict[str, Any]:
        """Return what the service takes to add one; `errors` say which fields make no sense."""
        channel = self._channel()
        is_robot = channel is ChatChannel.ROBOT
        leader_id = as_id(self.typed["leader_id"])
        if leader_id is None:
            self.errors["leader_id"] = _("请填写团长的会员编号")
        if is_robot:
            self._check("robot_key", lambda: _check_robot(self.robot_key))
        else:
            self._check("chat_id", lambda: _check_customer(self.typed["chat_id"], "owner"))
        return {
            **self.changes(channel),
            "channel": channel,
            "leader_id": leader_id,
            "robot_key": self.robot_key if is_robot else None,
            "chat_id": None if is_robot else self.typed["chat_id"],
        }

    def changes(self, channel: ChatChannel) -> dict[str, Any]:
        """Return what the service takes to change one of this channel."""
        is_robot, opengid = channel is ChatChannel.ROBOT, self.typed["opengid"]
        self._check("name", lambda: rules.check_name(self.typed["name"]))
        if opengid:
            self._check("opengid", lambda: rules.check_opengid(opengid))
        if not is_robot:
            self._check("sender", lambda: _check_customer("chat", self.typed["sender"]))
        return {
            "name": self.typed["name"],
            "daily_quota": self._quota(),
            "sender": None if is_robot else self.typed["sender"],
            "opengid": opengid or None,
        }

    def _channel(self) -> ChatChannel:
        given = self.typed["channel"]
        if given in set(ChatChannel):
            return ChatChannel(given)
        self.errors["channel"] = _("请选择一项")
        return ChatChannel.ROBOT

    def _quota(self) -> int:
        text = self.typed["daily_quota"]
        if text.isascii() and text.isdecimal() and int(text[:6]) <= 1000:
            return int(text[:6])
        self.errors["daily_quota"] = _("请填写 %(least)s 到 %(most)s 的整数", least=0, most=1000)
        return 0

    def _check(self, name: str, check: Any) -> None:
        try:
            check()
        except BadChatGroup:
            self.errors[name] = {
                "name": _("请填写 %(least)s 到 %(most)s 个字", least=1, most=rules.MOST_NAME),
                "robot_key": _("机器人密钥是 8 到 64 个字母、数字或短横线"),
            }.get(name, _("请填写企业微信给出的编号：字母、数字和 _ @ . -"))


def _check_robot(key: str) -> None:
    rules.check_way_in(ChatChannel.ROBOT, robot_key=key, chat_id=None, sender=None)


def _check_customer(chat_id: str, sender: str) -> None:
    channel = ChatChannel.CUSTOMER_GROUP
    rules.check_way_in(channel, robot_key=None, chat_id=chat_id, sender=sender)
