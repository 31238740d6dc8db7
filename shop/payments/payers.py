"""Whose money it was: payments keep a keyed hash of the payer's open id, and no open id."""

from collections.abc import Sequence

from kit.crypto import keyed_hash, same


def hash_of(open_id: str, payer_hash_key: bytes) -> bytes:
    """Return the hash by which payments of one payer are known, 32 bytes."""
    return keyed_hash(payer_hash_key, open_id.encode())


def pick_payer(
    open_ids: Sequence[str], payer_hash: bytes | None, *, payer_hash_key: bytes
) -> str | None:
    """Return which of a member's open ids paid, or None where none is known to have."""
    for open_id in open_ids:
        if same(hash_of(open_id, payer_hash_key), payer_hash or b""):
            return open_id
    return None
