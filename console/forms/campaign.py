"""The form of a new campaign: fields, their messages, and the plan that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask_babel import gettext as _

from console.asked import as_id
from console.forms.moments import read_moment
from flash_sale import rules as flash_rules
from flash_sale.models import SaleMode
from group_buy import rules as group_rules
from group_buy.rules import Rung
from kit.money import MOST_FEN, Fen, from_yuan
from shop.campaigns.models import Audience, CampaignKind
from shop.campaigns.rules import Window
from shop.campaigns.service import MOST_NAME, MOST_UNITS, ItemPlan, Plan

DEFAULTS: Final[Mapping[str, str]] = {
    "kind": CampaignKind.FLASH_SALE.value,
    "limit_per_member": "1",
    "pay_within_minutes": "15",
    "audience": Audience.ALL.value,
    "mode": SaleMode.RUSH.value,
    "offer_minutes": "5",
    "shards": "1",
    "early_minutes": "0",
    "early_units": "0",
    "early_orders": "1",
    "seats": "3",
    "lasts_hours": "24",
    "groups_per_member": "10",
    "seats_per_member": "1",
}
FIELDS: Final = (
    *DEFAULTS,
    "name",
    "sku_id",
    "deal_price",
    "allotment",
    "warms_at",
    "starts_at",
    "ends_at",
    "rules_text",
    "refund_promise",
    "ladder",
    "initiator_price",
    "new_members_only",
)
LONGEST: Final = 5000


@dataclass
class CampaignForm:
    """What was typed, and what is wrong with it, by field."""

    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "CampaignForm":
        """Take the fields of a form; others are not looked at."""
        return cls({name: given.get(name, "").replace("\x00", "")[:LONGEST] for name in FIELDS})

    @property
    def kind(self) -> CampaignKind:
        """Return the way of selling."""
        return CampaignKind(self._one_of("kind", CampaignKind))

    def plan(self) -> Plan:
        """Return the plan; `errors` say which fields make no sense."""
        window = self._window()
        return Plan(
            name=self._text("name", most=MOST_NAME, least=1).strip(),
            window=window,
            items=[self._item()],
            limit_per_member=self._count("limit_per_member", least=1, most=100),
            pay_within_seconds=60 * self._count("pay_within_minutes", least=1, most=1440),
            audience=Audience(self._one_of("audience", Audience)),
            rules_text=self._text("rules_text", most=LONGEST),
            refund_promise=self._text("refund_promise", most=200),
        )

    def flash_terms(self) -> flash_rules.TermsPlan:
        """Return the terms of a flash sale."""
        return flash_rules.TermsPlan(
            mode=SaleMode(self._one_of("mode", SaleMode)),
            offer=timedelta(minutes=self._count("offer_minutes", least=1, most=10_080)),
            shards=self._count("shards", least=1, most=flash_rules.MOST_SHARDS),
            early=timedelta(minutes=self._count("early_minutes", least=0, most=1440)),
            early_units=self._count("early_units", least=0, most=MOST_UNITS),
            early_orders=self._count("early_orders", least=1, most=1000),
        )

    def group_terms(self) -> group_rules.TermsPlan:
        """Return the terms of groups."""
        initiator = self.typed["initiator_price"].strip()
        return group_rules.TermsPlan(
            seats_required=self._count("seats", least=2, most=200),
            lasts=timedelta(hours=self._count("lasts_hours", least=1, most=720)),
            ladder=self._ladder(),
            initiator_price_fen=self._price("initiator_price") if initiator else None,
            new_members_only=self.typed["new_members_only"] == "yes",
            groups_per_member=self._count("groups_per_member", least=1, most=100),
            seats_per_member=self._count("seats_per_member", least=1, most=20),
        )

    def _window(self) -> Window:
        starts_at, ends_at = self._moment("starts_at"), self._moment("ends_at")
        warms_at = self._moment("warms_at") if self.typed["warms_at"].strip() else None
        if starts_at >= ends_at and not {"starts_at", "ends_at"} & set(self.errors):
            self.errors["ends_at"] = _("结束时间必须晚于开始时间")
        if warms_at is not None and warms_at >= starts_at and "warms_at" not in self.errors:
            self.errors["warms_at"] = _("预热时间必须早于开始时间")
        return Window(starts_at, ends_at, warms_at)

    def _item(self) -> ItemPlan:
        sku_id = as_id(self.typed["sku_id"])
        if sku_id is None:
            self.errors["sku_id"] = _("请选择商品")
        return ItemPlan(
            sku_id or UUID(int=0),
            self._price("deal_price"),
            self._count("allotment", least=1, most=MOST_UNITS),
        )

    def _ladder(self) -> list[Rung]:
        rungs: list[Rung] = []
        for line in self.typed["ladder"].replace("：", ":").splitlines():
            seats, _colon, price = line.partition(":")
            if not line.strip():
                continue
            try:
                rungs.append(Rung(int(seats), _amount(price)))
            except ValueError:
                self.errors["ladder"] = _("每行写成“人数:价格”，例如 5:8.80")
        return rungs

    def _text(self, name: str, *, most: int, least: int = 0) -> str:
        text = self.typed[name]
        if not least <= len(text.strip()) <= len(text) <= most:
            self.errors[name] = _("请填写 %(least)s 到 %(most)s 个字", least=least, most=most)
        return text

    def _count(self, name: str, *, least: int, most: int) -> int:
        text = self.typed[name].strip()
        if text.isascii() and text.isdecimal() and least <= int(text[:12]) <= most:
            return int(text[:12])
        self.errors[name] = _("请填写 %(least)s 到 %(most)s 的整数", least=least, most=most)
        return least

    def _price(self, name: str) -> Fen:
        try:
            return _amount(self.typed[name])
        except ValueError:
            self.errors[name] = _("请填写金额（元），最多两位小数")
            return Fen(1)

    def _moment(self, name: str) -> datetime:
        found = read_moment(self.typed[name])
        if found is None:
            self.errors[name] = _("请填写日期和时间（北京时间）")
        return found or datetime.fromisoformat("2020-01-01T00:00:00+00:00")

    def _one_of(self, name: str, kind: Any) -> str:
        given = self.typed[name]
        if given in set(kind):
            return given
        self.errors[name] = _("请选择一项")
        return DEFAULTS[name]


def _amount(text: str) -> Fen:
    fen = from_yuan(text)
    if not 0 < fen <= MOST_FEN:
        raise ValueError("no amount")
    return fen
