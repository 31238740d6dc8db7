"""Fixtures for the kit: handlers of an event, and the page that lists them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from tests.kit.bells import Handlers, Rang

# A busy machine is slow now and then; that is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def handlers() -> Handlers:
    """Return handlers that succeed until told otherwise."""
    return Handlers()


@pytest.fixture
def reactions(handlers: Handlers) -> dict[type[Any], list[Callable[..., None]]]:
    """Return the page of reactions with both handlers."""
    return {Rang: [handlers.first_when_rang, handlers.second_when_rang]}
