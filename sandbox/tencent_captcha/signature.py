"""TC3-HMAC-SHA256 as the platform checks it: who signed, what, for which service, and when."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime

SERVICE = "captcha"
VALID_SECONDS = 300
FORM = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/,\s]+)/(\d{4}-\d\d-\d\d)/([a-z]+)/tc3_request,"
    r" ?SignedHeaders=([a-z;-]+), ?Signature=([0-9a-f]{64})"
)


class TencentError(Exception):
    """A refusal by its code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or code
        super().__init__(f"{code} {self.message}")


def check(
    headers: Mapping[str, str], body: bytes, *, secret_id: str, secret_key: str, now: datetime
) -> None:
    """Raise TencentError unless the request was signed by the key, just now."""
    match = FORM.fullmatch(headers.get("Authorization", ""))
    if match is None:
        raise TencentError("AuthFailure.InvalidAuthorization")
    given_id, date, service, names, signature = match.groups()
    told = headers.get("X-TC-Timestamp", "")
    if not told.isdecimal() or abs(int(told) - now.timestamp()) > VALID_SECONDS:
        raise TencentError("AuthFailure.SignatureExpire")
    if given_id != secret_id:
        raise TencentError("AuthFailure.SecretIdNotFound")
    signed = names.split(";")
    is_of_its_day = datetime.fromtimestamp(int(told), UTC).strftime("%Y-%m-%d") == date
    if signed != sorted(signed) or not {"content-type", "host"} <= set(signed):
        raise TencentError("AuthFailure.SignatureFailure", "signed headers")
    if service != SERVICE or not is_of_its_day:
        raise TencentError("AuthFailure.SignatureFailure", "credential scope")
    lines = "".join(f"{name}:{headers.get(name, '').strip().lower()}\n" for name in signed)
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{told}\n{date}/{service}/tc3_request\n{digest}"
    key = b"TC3" + secret_key.encode()
    for word in (date, service, "tc3_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature):
        raise TencentError("AuthFailure.SignatureFailure")
