"""Field rules of WeChat Pay bodies: what may be there, what must, and in what form."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.wechat_pay.answers import PayError

PARAMETER_NUMBER = 268435461
EXTRA_NUMBER = 270924358
LARGEST_FEN = 10**12

Rule = Callable[[str, Any], None]


def body_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body; PARAM_ERROR for anything else."""
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise parameter_error("", "请求体不是合法的JSON") from problem
    if not isinstance(body, dict):
        raise parameter_error("", "请求体不是JSON对象")
    return body


def check(body: Mapping[str, Any], rules: Mapping[str, Rule], required: set[str]) -> None:
    """Every field known, every required field there, every value in its form."""
    for name, value in body.items():
        rule = rules.get(name)
        if rule is None:
            raise parameter_error(name, "包含非法的额外参数", EXTRA_NUMBER)
        rule(name, value)
    for name in required:
        if name not in body:
            raise parameter_error(name, f"{name} 为必填项")


def text(shortest: int, longest: int, pattern: str | None = None) -> Rule:
    """A text of so many characters."""
    compiled = re.compile(pattern) if pattern else None

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise parameter_error(name, "类型应为string")
        if not shortest <= len(value) <= longest:
            raise parameter_error(name, f"长度应为{shortest}至{longest}个字符")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise parameter_error(name, "不是合法的UTF-8字符")
        if compiled and not compiled.fullmatch(value):
            raise parameter_error(name, "字符不符合要求")

    return rule


def one_of(*values: str) -> Rule:
    """One of the listed texts."""

    def rule(name: str, value: Any) -> None:
        if value not in values:
            raise parameter_error(name, "枚举值不正确")

    return rule


def whole_number(least: int, most: int = LARGEST_FEN) -> Rule:
    """An integer; neither 1.0 nor true nor a text."""

    def rule(name: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise parameter_error(name, "类型应为int")
        if not least <= value <= most:
            raise parameter_error(name, f"应在{least}与{most}之间")

    return rule


def truth(name: str, value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise parameter_error(name, "类型应为boolean")


def record(rules: Mapping[str, Rule], required: set[str]) -> Rule:
    """An object with its own rules."""

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise parameter_error(name, "类型应为object")
        check(value, rules, required)

    return rule


def list_of(item: Rule, most: int) -> Rule:
    """A list of at least one."""

    def rule(name: str, value: Any) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise parameter_error(name, f"应为1至{most}项的数组")
        for member in value:
            item(name, member)

    return rule


def notify_url(name: str, value: Any) -> None:
    """https without query, ≤ 255; the one relaxation: http to this machine itself."""
    text(1, 255)(name, value)
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    if not (local or parts.scheme == "https") or not parts.hostname:
        raise parameter_error(name, "通知地址必须为https")
    if parts.query or parts.fragment or "?" in value:
        raise parameter_error(name, "通知地址不能携带参数")


def parameter_error(field: str, issue: str, number: int = PARAMETER_NUMBER) -> PayError:
    """400 PARAM_ERROR with the documented detail."""
    detail = {"field": f"/{field}", "value": None, "issue": issue, "location": "body"}
    return PayError("PARAM_ERROR", f"参数错误：{field} {issue}", number=number, detail=detail)


def _no_constant(name: str) -> None:
    raise ValueError(name)
