"""Calls to Alipay's gateway through python-alipay-sdk (certificate mode), without its traps."""

import base64
import json
import logging
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from kit.alipay_certificates import alipay_keys, application_serial_name, root_serial_name
from kit.clock import SHANGHAI, utc_now
from kit.crypto import same
from kit.json_members import member_texts
from kit.outbound import NotConnected, OutboundSession, Unreachable
from kit.rsa_keys import load_private_key, pkcs8_pem, public_pem

log = logging.getLogger(__name__)

# Its own `loggers` module reconfigures all logging at import, which closes every handler there is.
_QUIET = ModuleType("alipay.loggers")
_QUIET.__dict__["logger"] = logging.getLogger("python-alipay-sdk")
sys.modules.setdefault("alipay.loggers", _QUIET)

from alipay import DCAliPay  # noqa: E402 - only after the module above stands in its place

SIGN_TYPE: Final = "RSA2"
SUCCESS: Final = "10000"
SIGN_IN_ANSWER: Final = "alipay_system_oauth_token_response"
# The gateway itself turned the request away, before any business; such answers may be unsigned.
TURNED_AWAY: Final = frozenset({"20001", "40001", "40002", "40003", "40006"})
UNSURE: Final = frozenset({"10003", "20000"})
# Go into the URL as in the official clients; everything else travels in the body.
COMMON: Final = frozenset(
    {
        "app_id",
        "method",
        "format",
        "charset",
        "sign_type",
        "timestamp",
        "version",
        "app_cert_sn",
        "alipay_root_cert_sn",
        "sign",
    }
)


class AlipayNoAnswer(Exception):
    """No authentic answer, or one that says "unknown": it may have happened."""

    def __init__(self, message: str, *, code: str = "") -> None:
        """Keep the platform's `code`, if it gave one."""
        super().__init__(message)
        self.code = code


class AlipayNotSent(AlipayNoAnswer):
    """No connection came about: it surely did not happen."""


class AlipayRefused(Exception):
    """Alipay understood and refused; `code` is its sub_code, or the code when it gave none."""

    def __init__(self, code: str) -> None:
        """Keep the platform's code."""
        super().__init__(code)
        self.code = code


class AlipayBusy(AlipayRefused):
    """Too many calls: repeat later."""


class AlipayApi:
    """One application at the gateway. Safe to share between threads."""

    def __init__(
        self,
        *,
        app_id: str,
        app_private_key_pem: str,
        app_cert_pem: str,
        alipay_cert_pem: str,
        alipay_root_cert_pem: str,
        base_url: str,
        timeout_seconds: float,
    ) -> None:
        """Load the keys; raises `BadKey` or `BadCertificate`.

        `alipay_cert_pem` may hold two certificates while Alipay replaces one by the other.
        """
        self.app_id = app_id
        session = OutboundSession(timeout_seconds=timeout_seconds)
        url = base_url.rstrip("/") + "/gateway.do"
        self.origin = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
        self._client = _Client(
            app_id,
            private_key_pem=pkcs8_pem(load_private_key(app_private_key_pem)),
            app_cert_sn=application_serial_name(app_cert_pem),
            root_cert_sn=root_serial_name(alipay_root_cert_pem),
            keys=alipay_keys(alipay_cert_pem),
            post=lambda params, data: _post(session, url, params, data),
        )

    def call(
        self,
        method: str,
        biz_content: Mapping[str, Any] | None = None,
        *,
        notify_url: str | None = None,
        **parameters: str,
    ) -> dict[str, Any]:
        """Make a call and return its authentic, successful answer.

        `parameters` go beside biz_content. Raises `AlipayNoAnswer`, `AlipayRefused`, `AlipayBusy`.
        """
        # Passed by name always: the library adds the address by itself only for some calls.
        extra = {"notify_url": notify_url} if notify_url else {}
        content = dict(biz_content or {})
        answer: dict[str, Any] = self._client.server_api(method, content, **extra, **parameters)
        return answer

    def is_signed(self, text: str, signature: str) -> bool:
        """Tell whether Alipay signed this very text."""
        return self._client.is_signed(text, signature)

    def is_authentic(self, params: Mapping[str, str], *, with_sign_type: bool = False) -> bool:
        """Tell whether Alipay signed a notice's parameters with the algorithm that is ours.

        Service market notices are signed `with_sign_type`, all others without it.
        """
        kept = dict(params)
        signature = kept.pop("sign", "")
        if not same(kept.pop("sign_type", ""), SIGN_TYPE):
            return False
        if with_sign_type:
            kept["sign_type"] = SIGN_TYPE
            text = "&".join(f"{name}={value}" for name, value in sorted(kept.items()))
            return self._client.is_signed(text, signature)
        return bool(self._client.verify(kept, signature))


class _Client(DCAliPay):
    """The library with its request, its answer and its clock put right."""

    def __init__(
        self,
        app_id: str,
        *,
        private_key_pem: str,
        app_cert_sn: str,
        root_cert_sn: str,
        keys: Mapping[str, RSAPublicKey],
        post: Callable[[dict[str, str], dict[str, str]], str],
    ) -> None:
        self._keys = keys
        # Where the library keeps both names; its own computing of them is wrong or deprecated.
        self._app_cert_sn = app_cert_sn
        self._alipay_root_cert_sn = root_cert_sn
        self._send = post
        super().__init__(
            app_id, private_key_pem, "", "", "", sign_type=SIGN_TYPE, debug=False, verbose=False
        )

    def load_alipay_public_key_string(self) -> str:
        return public_pem(next(iter(self._keys.values())))

    def build_body(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Stamp Beijing time, whatever time zone the machine has."""
        body: dict[str, Any] = super().build_body(*args, **kwargs)
        body["timestamp"] = utc_now().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        body["format"] = "JSON"
        return body

    def verified_sync_response(self, data: dict[str, Any], response_type: str) -> dict[str, Any]:
        """POST with only the common parameters in the URL, and read the answer strictly."""
        items = dict(self._ordered_data(data))
        items["sign"] = self._sign("&".join(f"{name}={value}" for name, value in items.items()))
        query = {name: value for name, value in items.items() if name in COMMON}
        body = {name: value for name, value in items.items() if name not in COMMON}
        return self._read(self._send(query, body), response_type)

    def is_signed(self, text: str, signature: str, *, serial: str | None = None) -> bool:
        """Verify strictly: no junk in the base64, only our algorithm, only keys we were given."""
        try:
            raw = base64.b64decode(signature, validate=True)
            message = text.encode()
        except ValueError:  # no base64, or half a surrogate pair
            return False
        keys = [self._keys[serial]] if serial is not None else list(self._keys.values())
        return any(_verifies(key, raw, message) for key in keys)

    def _verify(self, raw_content: str, signature: str) -> bool:
        return self.is_signed(raw_content, signature)

    def _read(self, text: str, response_type: str) -> dict[str, Any]:
        """Find the signed text as a JSON reader does; the library counts braces."""
        try:
            members = {name: value for name, value in member_texts(text).items() if value != "null"}
            name = response_type if response_type in members else "error_response"
            node = json.loads(members[name])
            signature = json.loads(members.get("sign", "null"))
            serial = json.loads(members.get("alipay_cert_sn", "null"))
        except (ValueError, KeyError):
            raise AlipayNoAnswer("not an answer of the gateway") from None
        if not isinstance(node, dict):
            raise AlipayNoAnswer("not an answer of the gateway")
        if isinstance(signature, str):
            self._check(members[name], signature, serial)
        elif str(node.get("code")) not in TURNED_AWAY:
            raise AlipayNoAnswer("unsigned answer", code=str(node.get("code", "")))
        return _successful(node, name=name)

    def _check(self, text: str, signature: str, serial: object) -> None:
        if serial is not None and serial not in self._keys:
            log.error("alipay signs with a certificate we do not have: load the new one")
            raise AlipayNoAnswer("signed with an unknown certificate")
        if not self.is_signed(text, signature, serial=str(serial) if serial else None):
            raise AlipayNoAnswer("bad signature")


def _post(session: OutboundSession, url: str, params: dict[str, str], data: dict[str, str]) -> str:
    try:
        response = session.post(url, params=params, data=data)
    except NotConnected as exc:
        raise AlipayNotSent(str(exc)) from None
    except Unreachable as exc:
        raise AlipayNoAnswer(str(exc)) from None
    if response.status_code != 200:
        raise AlipayNoAnswer("HTTP error", code=f"HTTP {response.status_code}")
    try:
        return response.content.decode()
    except UnicodeDecodeError:
        raise AlipayNoAnswer("not UTF-8") from None


def _verifies(key: RSAPublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _successful(node: dict[str, Any], *, name: str) -> dict[str, Any]:
    """Return a successful answer; the sign-in call alone has no code when it succeeds."""
    code, sub_code = str(node.get("code") or ""), str(node.get("sub_code") or "")
    expected = "" if name == SIGN_IN_ANSWER else SUCCESS
    if name != "error_response" and code in {expected, SUCCESS} and not sub_code:
        return node
    if not code or code in UNSURE or sub_code.endswith(("SYSTEM_ERROR", "unknow-error")):
        raise AlipayNoAnswer("unknown result", code=sub_code or code)
    if sub_code.endswith(("call-limited", "FREQUENCY_LIMITED")):
        raise AlipayBusy(sub_code)
    raise AlipayRefused(sub_code or code)
