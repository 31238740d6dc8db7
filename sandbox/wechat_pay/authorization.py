"""Checks of every WeChat Pay request before its meaning: headers, freshness, nonce, signature."""

import base64
import binascii
import re
import threading
import time
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Request

from sandbox.wechat_pay.answers import PayError
from sandbox.wechat_pay.platform import SIGNATURE_TYPE, Platform

PREFIX = "/wechat-pay"
TOLERANCE_SECONDS = 300
SIGN_NUMBER = 268443699
PARAMETER_NUMBER = 268435461
PART = re.compile(r'([a-z_]+)="([^"]*)"')
PARTS = {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}


class Nonces:
    """Each (serial, nonce) counts once within twice the tolerance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}

    def use(self, nonce: str) -> bool:
        """True the first time."""
        now = time.monotonic()
        with self._lock:
            if nonce in self._seen:
                return False
            self._seen[nonce] = now
            while self._seen:
                oldest = next(iter(self._seen))
                if now - self._seen[oldest] < 2 * TOLERANCE_SECONDS:
                    break
                del self._seen[oldest]
        return True


def check_headers(request: Request, *, any_answer: bool = False) -> None:
    """`Accept`, `User-Agent`, and on bodies `Content-Type: application/json`."""
    accept = request.headers.get("Accept", "")
    if not accept or (not any_answer and "application/json" not in accept):
        raise PayError("PARAM_ERROR", "Http头缺少Accept: application/json", number=PARAMETER_NUMBER)
    if not request.headers.get("User-Agent"):
        raise PayError("PARAM_ERROR", "Http头缺少User-Agent", number=PARAMETER_NUMBER)
    if request.method == "POST" and request.mimetype != "application/json":
        raise PayError(
            "PARAM_ERROR", "Http头Content-Type不是application/json", number=PARAMETER_NUMBER
        )


def check_authorization(
    request: Request, platform: Platform, nonces: Nonces, *, require_rsa: bool
) -> None:
    """Raise SIGN_ERROR (401) unless the merchant of these books signed exactly this request."""
    parts = _parts(request.headers.get("Authorization", ""))
    _check_parts(parts, platform)
    wanted = request.headers.get("Wechatpay-Serial")
    if wanted is not None and not platform.knows_serial(wanted):
        raise PayError("PARAM_ERROR", "Wechatpay-Serial不正确", number=PARAMETER_NUMBER)
    if require_rsa:
        _check_signature(request, platform, parts)
    if not nonces.use(parts["nonce_str"]):
        raise _sign_error("nonce_str重复使用")


def signed_target(request: Request) -> str:
    """The path and query that were sent, after this platform's prefix.

    A WSGI server hands the path over decoded; it is written again as clients write it (RFC 3986
    path characters stay, everything else is percent-encoded). The query arrives as it was sent.
    """
    path = quote(request.environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=-._~")
    target = path.removeprefix(PREFIX)
    query: str = request.environ.get("QUERY_STRING", "")
    return f"{target}?{query}" if query else target


def _parts(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme != SIGNATURE_TYPE:
        raise _sign_error("Http头Authorization认证类型不正确")
    found = PART.findall(rest)
    parts = dict(found)
    if set(parts) != PARTS or len(found) != len(PARTS):
        raise _sign_error("Http头Authorization值格式错误")
    if ",".join(f'{name}="{value}"' for name, value in found) != re.sub(r'"\s*,\s*', '",', rest):
        raise _sign_error("Http头Authorization值格式错误")
    return parts


def _check_parts(parts: dict[str, str], platform: Platform) -> None:
    """Who signs and when; the signature itself comes later."""
    if parts["mchid"] != platform.mch_id:
        raise _sign_error("商户号不存在")
    if parts["serial_no"] != platform.merchant_serial:
        raise _sign_error("商户证书序列号有误")
    if not re.fullmatch(r"[0-9]{1,12}", parts["timestamp"]):
        raise _sign_error("时间戳格式错误")
    if abs(time.time() - int(parts["timestamp"])) > TOLERANCE_SECONDS:
        raise _sign_error("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    if not 1 <= len(parts["nonce_str"]) <= 64:
        raise _sign_error("nonce_str长度错误")


def _check_signature(request: Request, platform: Platform, parts: dict[str, str]) -> None:
    target = signed_target(request)
    head = f"{request.method}\n{target}\n{parts['timestamp']}\n{parts['nonce_str']}\n"
    message = head.encode() + request.get_data() + b"\n"
    try:
        signature = base64.b64decode(parts["signature"], validate=True)
        platform.merchant_key.verify(signature, message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error) as problem:
        detail: dict[str, object] = {
            "field": "signature",
            "issue": "sign not match",
            "location": "authorization",
            "sign_information": {
                "method": request.method,
                "url": target,
                "truncated_sign_message": head,
                "sign_message_length": len(message),
            },
        }
        raise _sign_error("错误的签名，验签失败", detail) from problem


def _sign_error(message: str, detail: dict[str, object] | None = None) -> PayError:
    return PayError("SIGN_ERROR", message, number=SIGN_NUMBER, detail=detail)
