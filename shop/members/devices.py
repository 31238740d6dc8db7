"""Devices that members signed in from: known by a keyed hash, and only to tell who shares one."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.crypto import keyed_hash
from shop.members.models import SignIn


def hash_device(device_id: str | None, *, key: bytes) -> bytes | None:
    """Return what is kept of the name that a client gives its device; None without one."""
    return None if device_id is None else keyed_hash(key, b"members.device", device_id.encode())


def share_a_device(session: Session, one: UUID, other: UUID) -> bool:
    """Say whether both have ever signed in from one device."""
    theirs = select(SignIn.device_hash).where(SignIn.member_id == other)
    shared = select(SignIn.id).where(SignIn.member_id == one, SignIn.device_hash.in_(theirs))
    return session.scalars(shared.limit(1)).first() is not None
