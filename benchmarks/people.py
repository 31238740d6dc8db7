"""Members who are signed in, and somebody's goods: what there must be before anything is sold."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from app.samples import make_sku
from kit.money import Fen
from shop.catalog.models import Sku
from shop.members import service as members
from shop.members.platforms import Platform, PlatformIdentity
from shop.ports import Ports

PRICE_FEN: Final = Fen(1000)


@dataclass(frozen=True, slots=True)
class Person:
    """A member and the token of their sign-in."""

    member_id: UUID
    token: str = field(repr=False)


def sign_in(ports: Ports, count: int, *, app_id: str) -> list[Person]:
    """Make members whom WeChat knows by an open id, and sign them in."""
    return list(_sign_in(ports, count, app_id=app_id))


def make_stock(ports: Ports, stock: int) -> Sku:
    """Put a SKU without limits per member on sale, with fresh codes."""
    return make_sku(ports.begin, ports.vault, stock=stock, price_fen=PRICE_FEN, now=ports.clock())


def _sign_in(ports: Ports, count: int, *, app_id: str) -> Iterator[Person]:
    for _ in range(count):
        # The sandbox takes an open id for real by its form: "o" and 27 characters.
        identity = PlatformIdentity(Platform.WECHAT, app_id, f"o{secrets.token_hex(14)[:27]}", None)
        with ports.begin() as session:
            made = members.sign_in_identity(
                session, identity, token_hash_key=ports.token_hash_key, now=ports.clock()
            )
        yield Person(made.member.id, made.token)
