"""The form of a new commission rule: fields, their messages, and what it promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from flask_babel import gettext as _

from console.asked import as_id
from console.forms.moments import read_moment
from kit.money import MOST_FEN, Fen, from_yuan
from shop.referral.rules import HOLDS_DAYS

DEFAULTS: Final[Mapping[str, str]] = {"way": "share", "holds_days": str(HOLDS_DAYS)}
FIELDS: Final = (
    *DEFAULTS,
    "percent",
    "fixed",
    "campaign_id",
    "sku_id",
    "leader_id",
    "starts_at",
    "ends_at",
)
WAYS: Final = ("share", "fixed")
LONGEST: Final = 200
MOST_PERCENT: Final = 50
MOST_DAYS: Final = 365


@dataclass
class RuleForm:
    """What was typed, and what is wrong with it, by field."""

    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "RuleForm":
        """Take the fields of a form; others are not looked at."""
        return cls({name: given.get(name, "").replace("\x00", "")[:LONGEST] for name in FIELDS})

    def basis_points(self) -> int | None:
        """Return the share, or None where the rule is an amount."""
        if self.typed["way"] == "fixed":
            return None
        points = self._hundredths("percent")
        if points is None or not 1 <= points <= MOST_PERCENT * 100:
            self.errors["percent"] = _("请填写 0.01 到 50 的百分比")
            return 1
        return points

    def fixed_fen(self) -> Fen | None:
        """Return the amount for each unit, or None where the rule is a share."""
        if self.typed["way"] != "fixed":
            return None
        fen = self._hundredths("fixed")
        if fen is None or not 0 < fen <= MOST_FEN:
            self.errors["fixed"] = _("请填写金额（元），最多两位小数")
            return Fen(1)
        return Fen(fen)

    def holds_days(self) -> int:
        """Return for how long after delivery the commission waits."""
        text = self.typed["holds_days"].strip()
        if text.isascii() and text.isdecimal() and int(text[:6]) <= MOST_DAYS:
            return int(text[:6])
        message = _("请填写 %(least)s 到 %(most)s 的整数", least=0, most=MOST_DAYS)
        self.errors["holds_days"] = message
        return HOLDS_DAYS

    def id_of(self, name: str) -> UUID | None:
        """Return what the rule is for, or None where it is for all."""
        text = self.typed[name].strip()
        found = as_id(text) if text else None
        if text and found is None:
            self.errors[name] = _("没有找到该编号")
        return found

    def window(self, now: datetime) -> tuple[datetime, datetime | None]:
        """Return from when to when it promises; from now on unless something is typed."""
        starts_at = self._moment("starts_at") or now
        ends_at = self._moment("ends_at")
        if starts_at < now:
            self.errors["starts_at"] = _("开始时间不能早于现在，已下的单不受影响")
        if ends_at is not None and ends_at <= max(starts_at, now):
            self.errors["ends_at"] = _("结束时间必须晚于开始时间")
        return starts_at, ends_at

    def check_way(self) -> None:
        """Note an error unless it is a share or an amount."""
        if self.typed["way"] not in WAYS:
            self.errors["way"] = _("请选择一项")

    def _hundredths(self, name: str) -> int | None:
        try:
            return from_yuan(self.typed[name])
        except ValueError:
            return None

    def _moment(self, name: str) -> datetime | None:
        text = self.typed[name].strip()
        found = read_moment(text) if text else None
        if text and found is None:
            self.errors[name] = _("请填写日期和时间（北京时间）")
        return found
