"""Switches of the sandbox that `POST /sandbox/settings` changes; kept in the store."""

import json
from typing import Any

from sandbox.store import Store

SCHEMA = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"


class UnknownSetting(ValueError):
    """The name is not declared, or the value has another type."""


class Settings:
    """Declared names with defaults; a changed value survives a restart, a reset undoes it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._defaults: dict[str, Any] = {}
        self._choices: dict[str, tuple[str, ...]] = {}
        self._changed: dict[str, Any] = {}
        store.ensure_schema(SCHEMA)
        with store.read() as connection:
            for row in connection.execute("SELECT name, value FROM settings"):
                self._changed[row["name"]] = json.loads(row["value"])

    def declare(self, name: str, default: Any, choices: tuple[str, ...] = ()) -> None:
        """Make `name` known; its default also tells its type (None: integer or None)."""
        self._defaults[name] = default
        self._choices[name] = choices

    def get(self, name: str) -> Any:
        """The value now."""
        return self._changed.get(name, self._defaults[name])

    def change(self, values: dict[str, Any]) -> None:
        """Set several; raises UnknownSetting before any is set."""
        for name, value in values.items():
            self._check(name, value)
        for name, value in values.items():
            self.remember(name, value)

    def remember(self, name: str, value: Any) -> None:
        """Keep a value without a check, also one that is no public setting."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value))
            )
        self._changed[name] = value

    def recall(self, name: str, default: Any) -> Any:
        """What `remember` kept."""
        return self._changed.get(name, default)

    def all(self) -> dict[str, Any]:
        """Every declared setting and its value."""
        return {name: self.get(name) for name in self._defaults}

    def forget(self) -> None:
        """Back to the defaults, after the store was wiped."""
        self._changed = {}

    def _check(self, name: str, value: Any) -> None:
        if name not in self._defaults:
            raise UnknownSetting(f"unknown setting {name!r}")
        default, choices = self._defaults[name], self._choices[name]
        if choices:
            fits = value in choices
        elif isinstance(default, bool) or isinstance(value, bool):
            fits = isinstance(default, bool) and isinstance(value, bool)
        elif isinstance(default, int | float):
            fits = isinstance(value, int | float) and value >= 0
        elif default is None:
            fits = value is None or isinstance(value, int)
        else:
            fits = isinstance(value, type(default))
        if not fits:
            raise UnknownSetting(f"setting {name!r} cannot be {value!r}")
