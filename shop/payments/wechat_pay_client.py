"""WeChat Pay v3 through wechatpayv3 in public-key mode, without wechatpayv3's traps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from requests import Response
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core
from wechatpayv3.type import RequestType
from wechatpayv3.utils import build_authorization, rsa_verify

from kit.crypto import same
from kit.outbound import OutboundSession, Unreachable, header
from kit.rsa_keys import load_private_key, load_public_key, pkcs8_pem, public_pem
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Busy,
    GatewayError,
    Refused,
    ResultUnknown,
)

SIGNATURE_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
USER_AGENT: Final = "tuanka"
SIGNATURE_HEADERS: Final = (
    "Wechatpay-Signature",
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Serial",
    "Wechatpay-Signature-Type",
)
PAID: Final = frozenset({"ORDERPAID", "268449538", "268498689"})
CLOSED: Final = frozenset({"ORDER_CLOSED", "ORDERCLOSED", "268447914"})
LIMITED: Final = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "FREQUENCY_LIMIT_EXCEED"})
UNSURE: Final = frozenset({"SYSTEM_ERROR", "BANK_ERROR", "SYSTEMERROR"})


@dataclass(frozen=True, slots=True)
class MerchantKeys:
    """A direct merchant's keys; `public_keys` are WeChat Pay's by their ids, the wanted one first.

    Two of them are accepted while one replaces the other.
    """

    app_id: str
    mch_id: str
    merchant_serial: str
    merchant_private_key_pem: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_keys: Mapping[str, str]


class PayClient(WeChatPay):
    """The library's client around a core that pools connections and checks every answer."""

    def __init__(
        self, keys: MerchantKeys, *, base_url: str, notify_url: str, timeout_seconds: float
    ) -> None:
        """Load the keys, whatever PEM form they have; nothing is called."""
        private_pem = pkcs8_pem(load_private_key(keys.merchant_private_key_pem))
        public_keys = {key_id: load_public_key(pem) for key_id, pem in keys.public_keys.items()}
        first_id, first_key = next(iter(public_keys.items()))
        super().__init__(
            WeChatPayType.MINIPROG,
            mchid=keys.mch_id,
            private_key=private_pem,
            cert_serial_no=keys.merchant_serial,
            appid=keys.app_id,
            apiv3_key=keys.api_v3_key,
            notify_url=notify_url,
            public_key=public_pem(first_key),
            public_key_id=first_id,
        )
        self._core = CheckedCore(
            keys,
            private_pem=private_pem,
            public_pems={key_id: public_pem(key) for key_id, key in public_keys.items()},
            base_url=base_url,
            timeout_seconds=timeout_seconds,
        )

    @property
    def core(self) -> "CheckedCore":
        """The signing and verifying part."""
        return self._core


class CheckedCore(Core):
    """Signs the very bytes it sends, verifies the very bytes that came, never asks for keys."""

    def __init__(
        self,
        keys: MerchantKeys,
        *,
        private_pem: str,
        public_pems: Mapping[str, str],
        base_url: str,
        timeout_seconds: float,
    ) -> None:
        """Give the library no logger: at DEBUG it would print signatures and plaintexts."""
        first_id = next(iter(public_pems))
        super().__init__(
            mchid=keys.mch_id,
            cert_serial_no=keys.merchant_serial,
            private_key=private_pem,
            apiv3_key=keys.api_v3_key,
            public_key=public_pems[first_id],
            public_key_id=first_id,
        )
        self._gate_way: str = base_url.rstrip("/")
        self._session = OutboundSession(timeout_seconds=timeout_seconds)
        self._known = {key_id: load_public_key(pem) for key_id, pem in public_pems.items()}

    @property
    def gateway(self) -> str:
        """Where requests go, without a slash at the end."""
        return self._gate_way

    def knows(self, serial: str) -> bool:
        """Tell whether a serial is one of the pinned key ids."""
        return any(same(serial, key_id) for key_id in self._known)

    def request(
        self,
        path: str,
        method: RequestType = RequestType.GET,
        data: Mapping[str, Any] | None = None,
        skip_verify: bool = False,
        **unused: Any,
    ) -> tuple[int, Any]:
        """Ask, and return the answer's object (bytes when `skip_verify`); `GatewayError` else."""
        # The text is made once: what is signed and what is sent cannot differ.
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")) if data else ""
        response = self._send(path, method.value, body)
        if not 200 <= response.status_code < 300:
            raise self._failure(response)
        if skip_verify:
            return response.status_code, response.content
        if not self._is_signed(response):
            raise ResultUnknown("bad signature of an answer", code="BAD_SIGNATURE")
        return response.status_code, _object_in(response.content) if response.content else {}

    def _send(self, path: str, method: str, body: str) -> Response:
        headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Wechatpay-Serial": self._public_key_id,
            "Authorization": build_authorization(
                path, method, self._mchid, self._cert_serial_no, self._private_key, data=body
            ),
        }
        if method != RequestType.GET.value:
            headers["Content-Type"] = "application/json"
        try:
            return self._session.request(
                method, self._gate_way + path, headers=headers, data=body.encode() or None
            )
        except Unreachable as exc:
            raise ResultUnknown(str(exc), code="NO_ANSWER") from None

    def is_signed(self, headers: Mapping[str, str], body: str) -> bool:
        """Choose the pinned key by its id, then let the library verify.

        Its own choosing would fetch certificates for a serial it does not know, whoever sent it.
        """
        named = {name: header(headers, name) for name in SIGNATURE_HEADERS}
        key = next(
            (key for key_id, key in self._known.items() if same(key_id, named["Wechatpay-Serial"])),
            None,
        )
        if key is None or not all(named.values()):
            return False
        if not same(named["Wechatpay-Signature-Type"], SIGNATURE_TYPE):
            return False
        return bool(
            rsa_verify(
                named["Wechatpay-Timestamp"],
                named["Wechatpay-Nonce"],
                body,
                named["Wechatpay-Signature"],
                key,
            )
        )

    def _verify_signature(self, headers: Mapping[str, str], body: str) -> bool:
        return self.is_signed(headers, body)

    def _is_signed(self, response: Response) -> bool:
        try:
            return self.is_signed(response.headers, response.content.decode())
        except UnicodeDecodeError:
            return False

    def _update_certificates(self) -> None:
        """Keys are pinned: there is nothing to fetch."""

    def _failure(self, response: Response) -> GatewayError:
        """Read an answer that is not 2xx; one that carries a signature must be signed truly."""
        if header(response.headers, "Wechatpay-Signature") and not self._is_signed(response):
            return ResultUnknown("bad signature of an answer", code="BAD_SIGNATURE")
        status = response.status_code
        try:
            code = str(_object_in(response.content).get("code", ""))
        except ResultUnknown:
            code = ""
        number = header(response.headers, "Request-ID").rpartition("-")[2]
        return _kind_of(status, code, number)


def _kind_of(status: int, code: str, number: str) -> GatewayError:
    """Name the failure: what may have happened is unknown, the rest was refused."""
    named = {code, number}
    if status == 429 or named & LIMITED:
        return Busy("too many calls", code=code or f"HTTP {status}")
    if not 400 <= status < 500 or named & UNSURE or not code:
        return ResultUnknown("the platform cannot tell", code=code or f"HTTP {status}")
    if named & PAID:
        return AlreadyPaid("paid already", code=code)
    if named & CLOSED:
        return AlreadyClosed("closed already", code=code)
    return Refused("refused", code=code)


def _object_in(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise ResultUnknown("not JSON", code="NOT_JSON") from None
    if not isinstance(answer, dict):
        raise ResultUnknown("not an object", code="NOT_JSON")
    return answer
