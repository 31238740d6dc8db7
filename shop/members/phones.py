"""Phone numbers: normalised, sealed for their member, hashed for looking up, masked for showing."""

import re
from typing import Final
from uuid import UUID

from kit.crypto import KEY_BYTES, keyed_hash, seal, unseal
from kit.errors import Malformed

CHINA: Final = "+86"
TAIL: Final = 4  # digits of a number that are shown, too

_SEPARATORS: Final = re.compile(r"[ ().\-]")
_CHINESE_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
# E.164 has at most 15 digits; the shortest numbers in use abroad have 8 with their country code.
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_LONGEST_INPUT: Final = 40


class PhoneMalformed(Malformed):
    """The text is no phone number that could belong to a person."""

    code = "members.phone_malformed"
    title = "This is not a mobile phone number"
    message = "手机号格式不正确"


class PhoneBook:
    """Keeps phone numbers readable by their member's id alone; shows neither keys nor numbers."""

    __slots__ = ("_hash_key", "_key")

    def __init__(self, *, key: bytes, hash_key: bytes) -> None:
        """Take the sealing key and the looking-up key, 32 bytes each; or `ValueError`."""
        if len(key) != KEY_BYTES or len(hash_key) != KEY_BYTES:
            raise ValueError(f"both keys must have {KEY_BYTES} bytes")
        self._key = key
        self._hash_key = hash_key

    def __repr__(self) -> str:
        """Show nothing."""
        return "<PhoneBook>"

    def normalise(self, text: str) -> str:
        """Return the number as E.164 ("+8613800138000"), Chinese unless it says otherwise.

        Takes spaces, dots, dashes and parentheses; raises `PhoneMalformed`.
        """
        digits = _SEPARATORS.sub("", text) if len(text) <= _LONGEST_INPUT else ""
        number = _with_country(digits)
        if number.startswith(CHINA):
            known = _CHINESE_MOBILE.fullmatch(number.removeprefix(CHINA))
        else:
            known = _INTERNATIONAL.fullmatch(number)
        if known is None:
            raise PhoneMalformed
        return number

    def seal(self, phone: str, *, member_id: UUID) -> bytes:
        """Encrypt a normalised number; it opens for this member alone."""
        return seal(self._key, phone.encode(), bound_to=_bound_to(member_id))

    def unseal(self, sealed: bytes, *, member_id: UUID) -> str:
        """Return the number that `seal` took; raises `kit.crypto.CannotOpen`."""
        return unseal(self._key, sealed, bound_to=_bound_to(member_id)).decode()

    def hash(self, phone: str) -> bytes:
        """Return the keyed hash of a normalised number, 32 bytes, by which it is looked up."""
        return keyed_hash(self._hash_key, b"members.phone", phone.encode())

    def hash_tail(self, digits: str) -> bytes:
        """Return the keyed hash of a number's last four digits, which many members share."""
        return keyed_hash(self._hash_key, b"members.phone_tail", digits[-TAIL:].encode())

    def mask(self, phone: str) -> str:
        """Return what may be shown of a normalised number: "138****1234", abroad "+14****67"."""
        if phone.startswith(CHINA):
            local = phone.removeprefix(CHINA)
            return f"{local[:3]}****{local[-4:]}"
        # The parts of foreign numbers are unknown, so less of them is shown.
        return f"{phone[:3]}****{phone[-2:]}"


def _with_country(digits: str) -> str:
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    if _CHINESE_MOBILE.fullmatch(digits):
        return CHINA + digits
    if digits.startswith("86") and _CHINESE_MOBILE.fullmatch(digits[2:]):
        return f"+{digits}"
    return digits


def _bound_to(member_id: UUID) -> bytes:
    return b"members.phone:" + member_id.bytes
