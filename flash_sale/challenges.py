"""Challenges that make claiming dear to programs: a port, and the built-in proof of work."""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final, Protocol
from uuid import UUID

BITS: Final = 17  # of work: about 130,000 hashes, half a second on a phone
SOLVED_WITHIN: Final = timedelta(minutes=2)
LONGEST_ANSWER: Final = 64
_MAC_BYTES: Final = 16
# Seconds since 1970 of its end, what it is for, something random.
_LAYOUT: Final = Struct(">I16s16s8s")


class Challenge(Protocol):
    """A way to tell people from programs, or to make it dear to be one."""

    def pose(self, campaign_id: UUID, member_id: UUID, *, now: datetime) -> dict[str, Any]:
        """Return what the client needs to solve it, as JSON; `kind` tells which one it is."""
        ...

    def is_solved(
        self,
        campaign_id: UUID,
        member_id: UUID,
        answer: dict[str, Any],
        *,
        address: str,
        now: datetime,
    ) -> bool:
        """Say whether the answer, sent from an address, solves what was posed to this member."""
        ...


class ProofOfWork:
    """Find a text that, after the seed, has a SHA-256 with so many leading zero bits.

    Nothing is stored: the seed carries whose it is and how long, under a key of ours.
    """

    def __init__(self, key: bytes, *, bits: int = BITS) -> None:
        """Keep the key that signs seeds."""
        self._key = key
        self._bits = bits

    def pose(self, campaign_id: UUID, member_id: UUID, *, now: datetime) -> dict[str, Any]:
        """Return {kind, seed, bits}."""
        until = int((now + SOLVED_WITHIN).timestamp())
        packed = _LAYOUT.pack(until, campaign_id.bytes, member_id.bytes, secrets.token_bytes(8))
        seed = base64.urlsafe_b64encode(packed + self._mac(packed)).decode()
        return {"kind": "proof_of_work", "seed": seed, "bits": self._bits}

    def is_solved(
        self,
        campaign_id: UUID,
        member_id: UUID,
        answer: dict[str, Any],
        *,
        address: str,
        now: datetime,
    ) -> bool:
        """Check {seed, answer}."""
        seed, text = str(answer.get("seed", "")), str(answer.get("answer", ""))
        try:
            raw = base64.urlsafe_b64decode(seed)
        except (binascii.Error, ValueError):
            return False
        packed, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
        if len(packed) != _LAYOUT.size or not hmac.compare_digest(mac, self._mac(packed)):
            return False
        until, campaign, member, _ = _LAYOUT.unpack(packed)
        is_theirs = (campaign, member) == (campaign_id.bytes, member_id.bytes)
        is_in_time = now < datetime.fromtimestamp(until, UTC)
        return is_theirs and is_in_time and len(text) <= LONGEST_ANSWER and self._works(seed, text)

    def _works(self, seed: str, text: str) -> bool:
        digest = hashlib.sha256(f"{seed}{text}".encode(errors="replace")).digest()
        return int.from_bytes(digest) >> (256 - self._bits) == 0

    def _mac(self, packed: bytes) -> bytes:
        return hashlib.blake2b(
            packed, digest_size=_MAC_BYTES, key=self._key, person=b"tuanka/challenge"
        ).digest()


def solve(seed: str, bits: int) -> str:
    """Do the work, as a client does."""
    number = 0
    while True:
        digest = hashlib.sha256(f"{seed}{number}".encode()).digest()
        if int.from_bytes(digest) >> (256 - bits) == 0:
            return str(number)
        number += 1
