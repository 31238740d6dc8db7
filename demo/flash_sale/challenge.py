"""The client's side of a challenge: the work that a phone does before its member is let in."""

import hashlib
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

PROOF_OF_WORK: Final = "proof_of_work"


class UnknownChallenge(Exception):
    """The shop asks for something that this phone cannot do."""


def solve(challenge: Mapping[str, Any]) -> dict[str, str]:
    """Return what is sent back: a text that, after the seed, has a hash with enough zero bits."""
    if challenge.get("kind") != PROOF_OF_WORK:
        raise UnknownChallenge(challenge.get("kind"))
    seed, bits = str(challenge["seed"]), int(challenge["bits"])
    begun = hashlib.sha256(seed.encode())
    most = 1 << (256 - bits)
    for number in count():
        tried = begun.copy()
        tried.update(str(number).encode())
        if int.from_bytes(tried.digest()) < most:
            return {"seed": seed, "answer": str(number)}
    raise AssertionError  # numbers do not end
