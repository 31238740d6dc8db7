"""Checks of every request before its meaning: parameters, freshness, certificates, signature."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from flask import Request

from sandbox.alipay.answers import GatewayRefusal
from sandbox.alipay.platform import SIGN_TYPE, Platform
from sandbox.clock import BEIJING

TOLERANCE = timedelta(minutes=10)
MOST_FIELDS = 100
FORM = "application/x-www-form-urlencoded"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
LOCAL_TIME = "%Y-%m-%d %H:%M:%S"

Parameters = dict[str, str]


def parameters_of(request: Request) -> Parameters:
    """URL and form together; a name that comes twice, or bytes that are not UTF-8, are refused."""
    query: str = request.environ.get("QUERY_STRING", "")
    pairs = _pairs(query.encode("latin-1"))
    if request.method == "POST" and request.mimetype == FORM:
        pairs += _pairs(request.get_data())
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise GatewayRefusal("isv.invalid-parameter", "参数重复")
    return parameters


def check(
    parameters: Parameters,
    platform: Platform,
    *,
    methods: Mapping[str, object],
    now: datetime,
    require_rsa: bool,
) -> None:
    """Raise `GatewayRefusal` unless the merchant's application signed just this, just now."""
    _check_names(parameters, platform, methods)
    _check_forms(parameters)
    _check_timestamp(parameters, now)
    _check_certificates(parameters, platform)
    signature = _there(parameters, "sign", "isv.missing-signature")
    text = signed_text(parameters)
    if require_rsa and not platform.is_signed_by_app(text, signature):
        raise GatewayRefusal(
            "isv.invalid-signature",
            "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，"
            f"网关生成的验签字符串为：{text}",
        )


def signed_text(parameters: Mapping[str, str]) -> str:
    """All that is not empty but `sign`, sorted, raw; `sign_type` is covered."""
    return "&".join(
        f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign"
    )


def _check_names(parameters: Parameters, platform: Platform, methods: Mapping[str, object]) -> None:
    """Who calls what."""
    if _there(parameters, "app_id", "isv.missing-app-id") != platform.app_id:
        raise GatewayRefusal("isv.invalid-app-id", "无效的AppID参数")
    if _there(parameters, "method", "isv.missing-method") not in methods:
        raise GatewayRefusal("isv.invalid-method", "不存在的方法名")
    if parameters.get("app_auth_token"):
        raise GatewayRefusal("isv.not-support-app-auth", "本接口不支持第三方代理调用")


def _check_forms(parameters: Parameters) -> None:
    """The constant parameters."""
    if _there(parameters, "sign_type", "isv.missing-signature-type") != SIGN_TYPE:
        raise GatewayRefusal("isv.invalid-signature-type", "无效的签名类型")
    if parameters.get("format", "JSON").upper() != "JSON":
        raise GatewayRefusal("isv.invalid-format", "无效的数据格式")
    if parameters.get("charset", "").lower() != "utf-8":
        raise GatewayRefusal("isv.invalid-charset", "字符集错误")
    if _there(parameters, "version", "isv.missing-version") != "1.0":
        raise GatewayRefusal("isv.invalid-parameter", "version只能是1.0")
    if parameters.get("encrypt_type"):
        raise GatewayRefusal("isv.invalid-encrypt-type", "无效的加密类型")


def _check_timestamp(parameters: Parameters, now: datetime) -> None:
    """Beijing time without saying so, within ten minutes."""
    text = _there(parameters, "timestamp", "isv.missing-timestamp")
    refusal = GatewayRefusal("isv.invalid-timestamp", "非法的时间戳参数")
    if not TIMESTAMP.fullmatch(text):
        raise refusal
    try:
        at = datetime.strptime(text, LOCAL_TIME).replace(tzinfo=BEIJING)
    except ValueError:
        raise refusal from None
    if abs(at - now) > TOLERANCE:
        raise refusal


def _check_certificates(parameters: Parameters, platform: Platform) -> None:
    """The SNs of the application's certificate and of the roots."""
    if _there(parameters, "app_cert_sn", "isv.missing-app-cert-sn") != platform.app_cert_sn:
        raise GatewayRefusal("isv.app-cert-not-exist", "应用公钥证书不存在")
    root = _there(parameters, "alipay_root_cert_sn", "isv.missing-alipay-root-cert-sn")
    if root != platform.root_cert_sn:
        raise GatewayRefusal("isv.invalid-alipay-root-cert-sn", "无效支付宝根证书序列号")


def _there(parameters: Parameters, name: str, missing: str) -> str:
    value = parameters.get(name, "")
    if not value:
        raise GatewayRefusal(missing, f"缺少{name}参数")
    return value


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    if not raw:
        return []
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise GatewayRefusal("isv.invalid-parameter", "参数格式不正确") from None
