"""Plans read from files, and refusals said in a line, for the commands that need either."""

import json
from pathlib import Path
from typing import TypeVar

import click
from pydantic import ValidationError

from app.plans import Part
from kit.errors import DomainError

_PartT = TypeVar("_PartT", bound=Part)


def read_plan(path: Path, form: type[_PartT]) -> _PartT:
    """Return the plan in a JSON file; what is wrong with it is a line for each field."""
    try:
        return form.model_validate_json(path.read_bytes())
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise click.ClickException(f"{path} is refused:\n" + "\n".join(lines)) from None


def explained(refusal: DomainError) -> click.ClickException:
    """Return a refusal with its details as one line for the terminal."""
    details = json.dumps(refusal.details, ensure_ascii=False, default=str)
    return click.ClickException(f"{refusal.title} {details if refusal.details else ''}".strip())
