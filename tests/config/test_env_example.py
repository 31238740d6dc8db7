"""config/env.example names every setting with a word on each, and holds no secret that works."""

import os
import shlex
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.settings import Settings, load_settings

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "env.example"


def names_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the environment names of a group's settings, groups in it included."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= names_of(kind, f"{prefix}{name}__")
        else:
            names.add(f"{prefix}{name}".upper())
    return names


def assignments() -> dict[str, str]:
    """Return the example's names and values, as a shell or a process manager reads them."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}


@pytest.fixture
def only_the_example(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the example the whole environment."""
    for name in list(os.environ):
        if name.upper() in names_of(Settings):
            monkeypatch.delenv(name)
    values = assignments()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


class TestEnvExample:
    """The example and the settings are one list."""

    def test_names_exactly_the_settings(self) -> None:
        assert set(assignments()) == names_of(Settings)

    def test_says_a_word_about_each(self) -> None:
        before = ""
        for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
            if "=" in line and not line.startswith("#"):
                assert before.startswith("# "), f"no comment above {line}"
            before = line

    def test_a17_unchanged_it_is_refused(self, only_the_example: dict[str, str]) -> None:
        with pytest.raises(SystemExit) as refusal:
            load_settings()
        told = str(refusal.value)
        for name in only_the_example:
            if name.startswith("SECRETS__") or name.endswith(("APP_SECRET", "API_V3_KEY")):
                assert f"{name}: must not be blank" in told
        assert "VAULT__MASTER_KEYS" in told

    def test_defaults_it_shows_are_those_of_the_code(self) -> None:
        shown = assignments()
        limits = Settings.model_fields["limits"].default
        for name, value in limits.model_dump().items():
            assert shown[f"LIMITS__{name.upper()}"] == str(value)
