"""Field rules of `biz_content`: what may be there, what must, and in what form."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.alipay.answers import AlipayError
from sandbox.alipay.money import fen
from sandbox.clock import BEIJING

LARGEST_FEN = 100_000_000_00
LONGEST_URL = 256
LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)

Rule = Callable[[str, Any], None]
Content = dict[str, Any]


def content_of(
    parameters: Mapping[str, str], rules: Mapping[str, Rule], required: set[str], invalid: str
) -> Content:
    """The checked object of `biz_content`; `invalid` is the method's sub_code for a bad field."""
    try:
        content = json.loads(parameters.get("biz_content") or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AlipayError("isv.illegal-json", "biz_content不是合法的JSON") from None
    if not isinstance(content, dict):
        raise AlipayError("isv.illegal-json", "biz_content不是JSON对象")
    try:
        check(content, rules, required)
    except BadField as problem:
        raise AlipayError(invalid, str(problem)) from None
    return content


class BadField(ValueError):
    """A field is unknown, absent or of another form."""


def check(content: Mapping[str, Any], rules: Mapping[str, Rule], required: set[str]) -> None:
    """Every field known, every required field there, every value in its form."""
    for name, value in content.items():
        rule = rules.get(name)
        if rule is None:
            raise BadField(f"参数{name}不存在")
        rule(name, value)
    for name in sorted(required):
        if not content.get(name):
            raise BadField(f"参数{name}不能为空")


def text(longest: int, pattern: str = "", *, without: str = "") -> Rule:
    """A text of at most so many characters."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise BadField(f"参数{name}类型应为String")
        if len(value) > longest:
            raise BadField(f"参数{name}长度超过{longest}")
        if any(character in without or _is_lone(character) for character in value):
            raise BadField(f"参数{name}含有不允许的字符")
        if compiled and not compiled.fullmatch(value):
            raise BadField(f"参数{name}格式不正确")

    return rule


def money(name: str, value: Any) -> None:
    """Yuan as a text, two decimals at most, 0.01 to 100000000."""
    amount = fen(value) if isinstance(value, str) else None
    if amount is None or not 1 <= amount <= LARGEST_FEN:
        raise BadField(f"参数{name}金额不正确")


def one_of(*values: str) -> Rule:
    """One of the listed texts."""

    def rule(name: str, value: Any) -> None:
        if value not in values:
            raise BadField(f"参数{name}取值不正确")

    return rule


def options(*values: str) -> Rule:
    """A list of some of the listed texts."""

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, list) or any(item not in values for item in value):
            raise BadField(f"参数{name}取值不正确")

    return rule


def record(name: str, value: Any) -> None:
    """An object, whatever is in it."""
    if not isinstance(value, dict):
        raise BadField(f"参数{name}类型应为对象")


def records(name: str, value: Any) -> None:
    """A list of objects, whatever is in them."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadField(f"参数{name}类型应为对象数组")


def local_time(name: str, value: Any) -> None:
    """`yyyy-MM-dd HH:mm:ss`, a time that exists."""
    if not isinstance(value, str) or not LOCAL_TIME.fullmatch(value):
        raise BadField(f"参数{name}时间格式不正确")
    try:
        moment(value)
    except ValueError:
        raise BadField(f"参数{name}时间格式不正确") from None


def moment(local: str) -> datetime:
    """The aware time of a Beijing time without zone."""
    return datetime.strptime(local, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)


def notify_url_of(parameters: Mapping[str, str]) -> str | None:
    """The address beside biz_content: http or https, at most 256 characters."""
    url = parameters.get("notify_url")
    if not url:
        return None
    parts = urlsplit(url)
    if len(url) > LONGEST_URL or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AlipayError("isv.invalid-parameter", "notify_url不正确")
    return url


def _is_lone(character: str) -> bool:
    """Half of a surrogate pair, which no UTF-8 text has."""
    return "\ud800" <= character <= "\udfff"


def _no_constant(name: str) -> None:
    raise ValueError(name)
