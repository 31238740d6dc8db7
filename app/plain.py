"""Dataclasses as plain JSON values, for what operators read."""

import dataclasses
from datetime import date, datetime
from typing import Any
from uuid import UUID


def as_json(value: Any) -> Any:
    """Return objects as dicts of their fields, moments in ISO 8601, ids as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
