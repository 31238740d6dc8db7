"""Forms that were sent after their subject had changed: what was typed is kept, nothing is done."""

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from console import refusals
from console.versions import version_of


class Changed(Exception):
    """The subject of a form is not as it was when the form was shown."""

    def __init__(self, place: str, state: Mapping[str, Any], shown: Mapping[str, str]) -> None:
        """Keep where its page is, how it stands, and how that is told."""
        super().__init__()
        self.place = place
        self.state = state
        self.shown = shown


def check_seen(place: str, state: Mapping[str, Any], shown: Mapping[str, str]) -> None:
    """Raise `Changed` unless the form carries the version of this state."""
    if request.form.get("version") != version_of(state):
        raise Changed(place, state, shown)


def install(blueprint: APIBlueprint) -> None:
    """Answer `Changed` in a room with a page that sends what was typed again."""
    blueprint.register_error_handler(Changed, _show)


def _show(changed: Changed) -> Response:
    hidden = refusals.SECRET_FIELDS | {"version"}
    kept = {name: value for name, value in request.form.items() if name not in hidden}
    return refusals.show_changed(
        kept, back=changed.place, shown=changed.shown, version=version_of(changed.state)
    )
