"""The types of a subscribe message's fields, as the platform documents them."""

import re
from typing import Any

from sandbox.wechat.answers import WechatError

ARGUMENT_INVALID = 47003
NAME = re.compile(r"([a-z_]+?)([0-9]{1,2})", re.ASCII)
DAY = r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日"
HOUR = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
MOMENT = rf"(?:{DAY} {HOUR}|{DAY}|{HOUR})"
DATED = rf"{DAY}(?: {HOUR})?"
SYMBOL = r"[^\w\s]|_"
FORMS = {
    "thing": r"(?s:.{1,20})",
    "number": r"(?=.{1,32}$)-?[0-9]+(?:\.[0-9]+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": rf"(?:{SYMBOL}){{1,5}}",
    "character_string": r"[\x20-\x7e]{1,32}",
    "time": rf"{MOMENT}(?:~{MOMENT})?",
    "date": rf"{DATED}(?:~{DATED})?",
    "amount": r"[¥￥$]?[0-9]{1,10}(?:\.[0-9]+)?元?",
    "phone_number": r"[0-9+\-() ]{1,17}",
    "car_number": r"\w{1,8}",
    "name": r"(?=.{1,10}$)[^\x00-\x7f]+|[A-Za-z .'\-]{1,20}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
}
COMPILED = {kind: re.compile(form) for kind, form in FORMS.items()}


def kind_of(name: str) -> str | None:
    """The type of a field such as `thing1`; None when it is no field's name."""
    match = NAME.fullmatch(name)
    return match[1] if match and match[1] in FORMS else None


def check(data: Any, names: list[str]) -> None:
    """47003 unless every field of the template, and no other, has a value of its type."""
    if not isinstance(data, dict):
        raise WechatError(ARGUMENT_INVALID, "argument invalid! data")
    for name in names:
        value = data[name].get("value") if isinstance(data.get(name), dict) else None
        if value is None or value == "":
            raise WechatError(ARGUMENT_INVALID, f"argument invalid! data.{name}.value is empty")
        if not isinstance(value, str) or not COMPILED[kind_of(name) or ""].fullmatch(value):
            raise WechatError(ARGUMENT_INVALID, f"argument invalid! data.{name}.value invalid")
        if set(data[name]) != {"value"}:
            raise WechatError(ARGUMENT_INVALID, f"argument invalid! data.{name}")
    for name in data:
        if name not in names:
            raise WechatError(ARGUMENT_INVALID, f"argument invalid! data.{name}")
