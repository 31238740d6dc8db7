"""Devices that members signed in from: known by a keyed hash, and only to tell who shares one."""

from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, exists
from sqlalchemy.orm import InstrumentedAttribute, aliased

from kit.crypto import keyed_hash
from shop.members.models import SignIn

Mine, Theirs = aliased(SignIn), aliased(SignIn)


def hash_device(device_id: str | None, *, key: bytes) -> bytes | None:
    """Return what is kept of the name that a client gives its device; None without one."""
    return None if device_id is None else keyed_hash(key, b"members.device", device_id.encode())


def share_a_device(
    one: BindParameter[UUID] | InstrumentedAttribute[UUID],
    other: BindParameter[UUID] | InstrumentedAttribute[UUID],
) -> ColumnElement[bool]:
    """Return the condition that both have signed in from one device."""
    return exists().where(
        Mine.member_id == one,
        Theirs.member_id == other,
        Mine.device_hash == Theirs.device_hash,
    )
