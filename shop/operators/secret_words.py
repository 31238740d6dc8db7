"""Passwords, one-time codes and recovery codes: made here, hashed or sealed here, checked here."""

import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION

from kit.crypto import CannotOpen, keyed_hash, same, seal, unseal
from kit.errors import RateLimited

ISSUER: Final = "Tuanka"
STEP_SECONDS: Final = 30
RECOVERY_CODES: Final = 8
TURN_SECONDS: Final = 0.1
# Each check takes 64 MiB and a core: strangers must not have as many as there are threads.
_TURN: Final = threading.BoundedSemaphore(1)
_OFFERED: Final = b"offered/v1"
_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_HASHER: Final = PasswordHasher()  # argon2id, as RFC 9106 asks for where memory is scarce
# What the password of an operator who is not there is compared with, so that nobody is told. No
# password has it, and comparing takes as long as with any other: only the parameters decide that.
_NOBODYS: Final = (
    f"$argon2id$v={ARGON2_VERSION}$m={_HASHER.memory_cost},t={_HASHER.time_cost}"
    f",p={_HASHER.parallelism}${'A' * 22}${'A' * 43}"
)


@dataclass(frozen=True, slots=True)
class OperatorKeys:
    """Keys of their own, made of one of the shop's."""

    sealing: bytes
    hashing: bytes

    @classmethod
    def of(cls, key: bytes) -> "OperatorKeys":
        """Derive them."""
        return cls(keyed_hash(key, b"operators/seal/v1"), keyed_hash(key, b"operators/hash/v1"))


def new_password() -> str:
    """Return a random password of 120 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(6)) for _ in range(4))


def new_totp_secret() -> str:
    """Return a secret for an authenticator application."""
    return pyotp.random_base32()


def new_recovery_codes() -> list[str]:
    """Return codes of 60 bits."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
        for _ in range(RECOVERY_CODES)
    ]


def hash_password(password: str) -> str:
    """Return an argon2id hash with its own salt and parameters."""
    return _HASHER.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Say whether the password is the one; takes as long when there is none.

    Raises `RateLimited` while this process checks another.
    """
    if not _TURN.acquire(timeout=TURN_SECONDS):
        raise RateLimited(retry_after_seconds=1)
    try:
        return _HASHER.verify(password_hash or _NOBODYS, password) and password_hash is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _TURN.release()


def seal_offer(secret: str, *, operator_id: UUID, keys: OperatorKeys) -> str:
    """Encrypt a secret that is offered to its operator and kept by nobody, for a form to carry."""
    bound_to = _OFFERED + operator_id.bytes
    return urlsafe_b64encode(seal(keys.sealing, secret.encode(), bound_to=bound_to)).decode()


def open_offer(sealed: str, *, operator_id: UUID, keys: OperatorKeys) -> str | None:
    """Return the secret that was offered to this operator, or None."""
    try:
        kept = urlsafe_b64decode(sealed.encode())
        return unseal(keys.sealing, kept, bound_to=_OFFERED + operator_id.bytes).decode()
    except (ValueError, CannotOpen):
        return None


def seal_totp(secret: str, *, operator_id: UUID, keys: OperatorKeys) -> bytes:
    """Encrypt the secret, bound to its operator."""
    return seal(keys.sealing, secret.encode(), bound_to=operator_id.bytes)


def accepted_step(
    sealed: bytes, code: str, *, operator_id: UUID, keys: OperatorKeys, after: int, now: datetime
) -> int | None:
    """Return the step whose code this is, one later than `after`, or None.

    Clocks may differ by a step; a code that was taken once is never taken again.
    """
    secret = unseal(keys.sealing, sealed, bound_to=operator_id.bytes).decode()
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_SECONDS
    for step in (present - 1, present, present + 1):
        if same(totp.generate_otp(step), code) and step > after:
            return step
    return None


def recovery_hash(code: str, *, operator_id: UUID, keys: OperatorKeys) -> bytes:
    """Return the keyed hash under which a recovery code is kept."""
    plain = code.strip().upper().replace("-", "")
    return keyed_hash(keys.hashing, b"recovery", operator_id.bytes, plain.encode())


def token_hash(token: str, *, keys: OperatorKeys) -> bytes:
    """Return the keyed hash under which a session is kept."""
    return keyed_hash(keys.hashing, b"session", token.encode())


def known_browser(sealed: bytes, *, operator_id: UUID, keys: OperatorKeys) -> str:
    """Return what a browser keeps that the operator signed in from; a reset makes it worthless."""
    return keyed_hash(keys.hashing, b"known browser", operator_id.bytes, sealed).hex()


def provisioning_uri(name: str, secret: str) -> str:
    """Return what an authenticator application takes, also as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
