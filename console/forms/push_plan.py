"""The form of a push plan: edges, channels, a template, quiet hours, some chat groups or all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from console.asked import as_id
from shop.chat_groups.models import ChatChannel
from shop.outreach.models import PushEdge, WhenQuiet
from shop.outreach.rules import LEAD, QUIET_FROM_MINUTE, QUIET_UNTIL_MINUTE

FIELDS: Final = (
    "template",
    "lead_minutes",
    "quiet_from",
    "quiet_until",
    "when_quiet",
    "chat_group_ids",
)
MOST_GROUPS: Final = 500
LONGEST: Final = 37 * MOST_GROUPS


def clock_of(minute: int) -> str:
    """Return a minute of the day as a clock shows it."""
    return f"{minute // 60:02}:{minute % 60:02}"


USUAL: Final[Mapping[str, str]] = {
    "lead_minutes": str(LEAD // timedelta(minutes=1)),
    "quiet_from": clock_of(QUIET_FROM_MINUTE),
    "quiet_until": clock_of(QUIET_UNTIL_MINUTE),
    "when_quiet": WhenQuiet.WAIT.value,
}


@dataclass
class PushPlanForm:
    """What was typed, and what is wrong with it, by field."""

    typed: dict[str, str]
    edges: list[str]
    channels: list[str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: MultiDict[str, str]) -> "PushPlanForm":
        """Take the fields of a form; others are not looked at."""
        typed = {name: given.get(name, "").strip()[:LONGEST] for name in FIELDS}
        return cls(typed, given.getlist("edges")[:20], given.getlist("channels")[:20])

    @classmethod
    def empty(cls) -> "PushPlanForm":
        """Return a form with what is usual filled in."""
        typed = {name: USUAL.get(name, "") for name in FIELDS}
        return cls(typed, [], [channel.value for channel in ChatChannel])

    def plans(self) -> list[dict[str, Any]]:
        """Return what the service takes, for each edge and channel; `errors` say what is wrong."""
        edges = self._some("edges", self.edges, PushEdge)
        channels = self._some("channels", self.channels, ChatChannel)
        if not self.typed["template"]:
            self.errors["template"] = _("请选择推送模板")
        same = {
            "only": self._groups(),
            "lead": timedelta(minutes=self._lead()),
            "quiet_from_minute": self._minute("quiet_from"),
            "quiet_until_minute": self._minute("quiet_until"),
            "when_quiet": self._when_quiet(),
        }
        return [{**same, "edge": e, "channel": c} for e in edges for c in channels]

    def _some(self, name: str, given: list[str], kind: Any) -> list[Any]:
        found = [one for one in kind if one.value in given]
        if not found or set(given) - set(kind):
            self.errors[name] = _("请至少选择一项")
        return found

    def _lead(self) -> int:
        text = self.typed["lead_minutes"]
        if text.isascii() and text.isdecimal() and int(text[:8]) <= 10_080:
            return int(text[:8])
        self.errors["lead_minutes"] = _("请填写 %(least)s 到 %(most)s 的整数", least=0, most=10_080)
        return 0

    def _minute(self, name: str) -> int:
        hour, _colon, minute = self.typed[name].partition(":")
        whole = f"{hour}{minute}"
        is_clock = whole.isascii() and whole.isdecimal() and len(hour) <= 2 and len(minute) == 2
        if is_clock and hour and int(hour) < 24 and int(minute) < 60:
            return 60 * int(hour) + int(minute)
        self.errors[name] = _("请填写时间，例如 22:00")
        return 0

    def _when_quiet(self) -> WhenQuiet:
        given = self.typed["when_quiet"]
        if given in set(WhenQuiet):
            return WhenQuiet(given)
        self.errors["when_quiet"] = _("请选择一项")
        return WhenQuiet.WAIT

    def _groups(self) -> list[UUID] | None:
        words = self.typed["chat_group_ids"].replace(",", " ").split()
        ids = [as_id(word) for word in words]
        found = [one for one in ids if one is not None]
        if len(found) < len(ids) or len(ids) > MOST_GROUPS:
            self.errors["chat_group_ids"] = _("每行一个群编号，最多 %(most)s 个", most=MOST_GROUPS)
        return found or None
