"""The vault: the only place where card codes are sealed and opened.

A data key per batch seals its codes (AES-256-GCM); a master key wraps the data key. What is sealed
opens only as the card, batch and key version it was sealed for. Codes are recognised again by a
keyed hash, never by their text.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from kit.crypto import CannotOpen, keyed_hash, new_key, seal, unseal

FORM: Final = b"card/v1"  # of the sealed text and of what it is bound to
KEY_FORM: Final = b"batch-key/v1"
_PUT_BETWEEN: Final = frozenset("-_·•")  # by people and programs, between groups of a code
_IGNORED: Final = frozenset({"Cc", "Cf", "Pd", "Zl", "Zp", "Zs"})  # Unicode categories


class VaultBroken(Exception):
    """A code or a key does not open: it was exchanged, changed, or its master key is gone."""


@dataclass(frozen=True, slots=True)
class CardSecret:
    """A code in plain text; it never shows itself by accident."""

    code: str = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A batch's data key as it may be stored, and the version of the master key around it."""

    wrapped: bytes = field(repr=False)
    master_key_version: str


class BatchKey:
    """The data key of one batch, in memory for as long as it is used."""

    def __init__(self, batch_id: UUID, data_key: bytes) -> None:
        """Keep the key."""
        self._batch_id = batch_id
        self._data_key = data_key

    def seal(self, card_id: UUID, secret: CardSecret) -> bytes:
        """Return the secret sealed for this card."""
        plain = json.dumps([secret.code, secret.password], ensure_ascii=False).encode()
        return seal(self._data_key, plain, bound_to=self._bound_to(card_id))

    def open(self, card_id: UUID, sealed: bytes) -> CardSecret:
        """Return the secret of this card; raises `VaultBroken`."""
        try:
            plain = unseal(self._data_key, sealed, bound_to=self._bound_to(card_id))
        except CannotOpen:
            raise VaultBroken(f"card {card_id} does not open") from None
        code, password = json.loads(plain)
        return CardSecret(code, password)

    def _bound_to(self, card_id: UUID) -> bytes:
        return FORM + card_id.bytes + self._batch_id.bytes


class Vault:
    """Master keys by version, the one that wraps new batches, and the key of the blind index."""

    def __init__(self, master_keys: Mapping[str, bytes], *, current: str, index_key: bytes) -> None:
        """Keep the keys; raises `ValueError` when the current one is not among them."""
        if current not in master_keys:
            raise ValueError(f"the current master key {current!r} is not among the master keys")
        self._master_keys = dict(master_keys)
        self._index_key = index_key
        self.current_version: Final = current

    def knows(self, version: str) -> bool:
        """Say whether the master key of this version is there."""
        return version in self._master_keys

    def new_batch_key(self, batch_id: UUID) -> WrappedKey:
        """Return a new data key for the batch, wrapped by the current master key."""
        return self._wrap(batch_id, new_key())

    def open_batch(self, batch_id: UUID, key: WrappedKey) -> BatchKey:
        """Unwrap the batch's data key; raises `VaultBroken`."""
        return BatchKey(batch_id, self._unwrap(batch_id, key))

    def rewrap(self, batch_id: UUID, key: WrappedKey) -> WrappedKey:
        """Return the same data key wrapped by the current master key; raises `VaultBroken`."""
        return self._wrap(batch_id, self._unwrap(batch_id, key))

    def blind_index(self, code: str) -> bytes:
        """Return the keyed hash under which a code is known, however it is written."""
        return keyed_hash(self._index_key, b"card-code/v1", normalise(code).encode())

    def _wrap(self, batch_id: UUID, data_key: bytes) -> WrappedKey:
        version = self.current_version
        bound_to = _key_bound_to(batch_id, version)
        return WrappedKey(seal(self._master_keys[version], data_key, bound_to=bound_to), version)

    def _unwrap(self, batch_id: UUID, key: WrappedKey) -> bytes:
        version = key.master_key_version
        master_key = self._master_keys.get(version)
        if master_key is None:
            raise VaultBroken(f"master key {version!r} is gone")
        try:
            return unseal(master_key, key.wrapped, bound_to=_key_bound_to(batch_id, version))
        except CannotOpen:
            raise VaultBroken(f"the key of batch {batch_id} does not open") from None


def normalise(code: str) -> str:
    """Return the form in which two spellings of one code are the same text.

    Full-width and half-width, upper and lower case, spaces and dashes make no difference.
    """
    folded = _fold(code)
    # What is left out may have stood between characters that belong together.
    while (again := _fold(folded)) != folded:
        folded = again
    return folded


def _fold(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        char
        for char in composed
        if char not in _PUT_BETWEEN and unicodedata.category(char) not in _IGNORED
    )


def _key_bound_to(batch_id: UUID, version: str) -> bytes:
    return KEY_FORM + batch_id.bytes + version.encode()
