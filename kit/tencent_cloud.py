"""Calls to Tencent Cloud (腾讯云): version 3 of its interface, signed by TC3-HMAC-SHA256."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from kit.outbound import OutboundSession, Unreachable

ALGORITHM: Final = "TC3-HMAC-SHA256"
CONTENT_TYPE: Final = "application/json; charset=utf-8"
SIGNED_HEADERS: Final = "content-type;host"


class TencentUnavailable(Exception):
    """No answer that says anything: whether the call was heard is not known."""


class TencentRefused(Exception):
    """The platform refused the call; `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class TencentKey:
    """A key of the account, by which calls are signed."""

    secret_id: str
    secret_key: str = field(repr=False)

    def authorize(self, *, service: str, host: str, payload: bytes, at: datetime) -> str:
        """Return the header that signs a POST of JSON to `/`."""
        canonical = "\n".join(
            (
                *("POST", "/", ""),
                f"content-type:{CONTENT_TYPE}\nhost:{host}\n",
                SIGNED_HEADERS,
                hashlib.sha256(payload).hexdigest(),
            )
        )
        date = at.astimezone(UTC).strftime("%Y-%m-%d")
        scope = f"{date}/{service}/tc3_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{ALGORITHM}\n{int(at.timestamp())}\n{scope}\n{digest}"
        key = f"TC3{self.secret_key}".encode()
        for word in (date, service, "tc3_request"):
            key = _mac(key, word)
        signature = _mac(key, text).hex()
        return (
            f"{ALGORITHM} Credential={self.secret_id}/{scope},"
            f" SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
        )


class TencentApi:
    """One service of the platform at `base_url`; safe to share between threads."""

    def __init__(
        self,
        key: TencentKey,
        *,
        service: str,
        version: str,
        base_url: str,
        timeout_seconds: float,
    ) -> None:
        """Make the client; nothing is called yet."""
        self._key = key
        self._service = service
        self._version = version
        self._url = base_url.rstrip("/") + "/"
        self._host = urlsplit(base_url).netloc
        self._session = OutboundSession(timeout_seconds=timeout_seconds)

    def call(self, action: str, body: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
        """Return what the platform answers; raises `TencentRefused` or `TencentUnavailable`."""
        payload = json.dumps(body).encode()
        headers = {
            "Authorization": self._key.authorize(
                service=self._service, host=self._host, payload=payload, at=now
            ),
            "Content-Type": CONTENT_TYPE,
            "X-TC-Action": action,
            "X-TC-Version": self._version,
            "X-TC-Timestamp": str(int(now.timestamp())),
        }
        try:
            response = self._session.post(self._url, data=payload, headers=headers)
            told = response.json()["Response"]
        except Unreachable as exc:
            raise TencentUnavailable(str(exc)) from None
        except (ValueError, KeyError, TypeError):
            raise TencentUnavailable("no answer of its own") from None
        if response.status_code != 200 or not isinstance(told, dict):
            raise TencentUnavailable(f"status {response.status_code}")
        if "Error" in told:
            raise TencentRefused(_code_of(told["Error"]))
        return told


def _code_of(error: object) -> str:
    return str(error.get("Code", "")) if isinstance(error, dict) else ""


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
