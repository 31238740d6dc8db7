"""Shops that many tests share: each rests while no test uses it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from tests.running_shop import RunningShop

_SHOPS: Final[dict[str, RunningShop]] = {}


@contextmanager
def shared(shop: RunningShop, *, fixture: str) -> Iterator[RunningShop]:
    """Let the shop rest whenever a test does without the fixture of that name."""
    _SHOPS[fixture] = shop
    try:
        yield shop
    finally:
        del _SHOPS[fixture]
        shop.wake()


def wake_for(fixtures: Collection[str]) -> None:
    """Wake the shops that a test with these fixtures uses, and let the others rest."""
    for fixture, shop in _SHOPS.items():
        if fixture in fixtures:
            shop.wake()
        else:
            shop.rest()
