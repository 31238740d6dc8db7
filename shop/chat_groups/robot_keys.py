"""Keys of robots' webhooks: sealed for their chat group, and known again by a keyed hash."""

from typing import Final
from uuid import UUID

from kit.crypto import KEY_BYTES, keyed_hash, seal, unseal

ABOUT: Final = b"chat_groups.robot"


class RobotKeys:
    """Opens a robot's key for its chat group alone; shows no key."""

    __slots__ = ("_hash_key", "_key")

    def __init__(self, *, key: bytes, hash_key: bytes) -> None:
        """Take the sealing key and the looking-up key, 32 bytes each; or `ValueError`."""
        if len(key) != KEY_BYTES or len(hash_key) != KEY_BYTES:
            raise ValueError(f"both keys must have {KEY_BYTES} bytes")
        self._key = key
        self._hash_key = hash_key

    def __repr__(self) -> str:
        """Show nothing."""
        return "<RobotKeys>"

    def seal(self, robot_key: str, *, chat_group_id: UUID) -> bytes:
        """Encrypt a key; it opens for this chat group alone."""
        return seal(self._key, robot_key.encode(), bound_to=_bound_to(chat_group_id))

    def unseal(self, sealed: bytes, *, chat_group_id: UUID) -> str:
        """Return the key that `seal` took; raises `kit.crypto.CannotOpen`."""
        return unseal(self._key, sealed, bound_to=_bound_to(chat_group_id)).decode()

    def hash(self, robot_key: str) -> bytes:
        """Return the keyed hash by which two groups with one robot are found."""
        return keyed_hash(self._hash_key, ABOUT, robot_key.encode())


def _bound_to(chat_group_id: UUID) -> bytes:
    return ABOUT + chat_group_id.bytes
