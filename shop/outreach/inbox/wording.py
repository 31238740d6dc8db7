"""What members are told, in the house's own words; and what a platform's template may name."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.texts import BadTemplate, check_placeholders, clean, cut, fill

K = NoticeKind
MOST_TITLE: Final = 40
MOST_BODY: Final = 300

WORDS: Final[Mapping[NoticeKind, tuple[str, str]]] = {
    K.GROUP_FORMED: ("拼团成功", "你参加的“{campaign}”已成团，卡券正在发放。"),
    K.GROUP_FAILED: ("拼团未成", "你参加的“{campaign}”未能成团，已付款项将原路退回。"),
    K.ORDER_REFUNDED: ("退款到账", "退款 {amount} 元已原路退回。"),
    K.CARDS_READY: ("卡券已到", "你购买的卡券已发放，可在卡包中查看。"),
    K.UNIT_OFFERED: ("候补到你了", "“{campaign}”为你保留了名额，请在 {at} 前下单。"),
    K.OPENING_SOON: ("即将开抢", "“{campaign}”将于 {at} 开始。"),
    K.COMMISSION_EARNED: ("新的佣金", "你带来的订单已付款，新增预计佣金 {amount} 元。"),
    K.CAMPAIGN_NEWS: ("群里的活动", "“{campaign}”正在进行，时间 {at}。"),
    K.SHEET_CONFIRMED: ("接龙已成", "接龙“{campaign}”已确认，卡券正在发放。"),
    K.SHEET_FAILED: ("接龙未成", "接龙“{campaign}”未能成单，已付款项将原路退回。"),
    K.SEAT_MOVED: (
        "已换到另一个团",
        "“{campaign}”原来的团没有席位了，已为你换到另一个团。",
    ),
    K.GROUP_NUDGED: ("还差几个人", "“{campaign}”有团快要成团，{at} 前参团还来得及。"),
}

# What a platform's template may be filled with.
PLACEHOLDERS: Final = ("title", "body", "campaign", "amount", "at")
# How many characters the fields of a platform's template take, by the type in their names.
_MOST: Final[Mapping[str, int]] = {
    "thing": 20,
    "phrase": 5,
    "name": 10,
    "character_string": 32,
    "time": 32,
    "date": 32,
    "amount": 12,
    "number": 32,
    "keyword": 50,
}
_FIELD: Final = re.compile(r"([a-z_]+?)([0-9]{1,2})")


def facts_as_json(
    *, campaign: str | None, amount_fen: int | None, at: datetime | None
) -> dict[str, Any]:
    """Return the facts of a message as they are kept beside it; what is unknown is left out."""
    facts = {
        "campaign": None if campaign is None else clean(campaign),
        "amount": None if amount_fen is None else to_yuan(Fen(amount_fen)),
        "at": None if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
    }
    return {name: value for name, value in facts.items() if value is not None}


def word(kind: NoticeKind, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return title and body of a message of this kind."""
    title, body = WORDS[kind]
    whole = {name: str(facts.get(name, "")) for name in PLACEHOLDERS}
    return cut(title, MOST_TITLE), cut(fill(body, whole), MOST_BODY)


def check_fields(kind: NoticeKind, fields: Mapping[str, str]) -> None:
    """Raise `BadTemplate` unless each field is of a known type and is filled with known facts."""
    if not 1 <= len(fields) <= 10:
        raise BadTemplate(reason="a template has 1 to 10 fields")
    named = set(re.findall(r"\{([a-z]+)\}", WORDS[kind][1])) | {"title", "body"}
    for field, text in fields.items():
        found = _FIELD.fullmatch(field)
        if found is None or found[1] not in _MOST:
            raise BadTemplate(reason=f"{field} is no field of a known type")
        check_placeholders(text, named)
        if not text.strip() or len(text) > 100:
            raise BadTemplate(reason=f"{field} has nothing or too much to say")


def fill_fields(
    fields: Mapping[str, str], *, title: str, body: str, facts: Mapping[str, Any]
) -> dict[str, str]:
    """Return what fills each field of a platform's template, cut to what its type takes."""
    whole = {name: str(facts.get(name, "")) for name in PLACEHOLDERS} | {
        "title": title,
        "body": body,
    }
    return {field: cut(fill(text, whole), _most_of(field)) for field, text in fields.items()}


def _most_of(field: str) -> int:
    found = _FIELD.fullmatch(field)
    return _MOST[found[1]] if found else min(_MOST.values())
