"""How every blueprint under /v1 is made, and how its routes say what they may refuse."""

from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIBlueprint

from kit.errors import DomainError
from miniprogram_api.auth import guard

View = TypeVar("View", bound=Callable[..., Any])


def member_blueprint(name: str, *, tag: str) -> APIBlueprint:
    """Return a blueprint under /v1 whose routes are counted and, unless marked, need a sign-in."""
    blueprint = APIBlueprint(name, __name__, url_prefix="/v1", tag=tag)
    blueprint.before_request(guard)
    return blueprint


def refuses(*refusals: type[DomainError]) -> Callable[[View], View]:
    """Write down which refusals of its own a route may answer with, for the OpenAPI document."""

    def mark(view: View) -> View:
        view.__dict__["refusals"] = refusals
        return view

    return mark
