"""What a setting may be: secrets that are neither blank nor known, texts, pages, frozen groups."""

import base64
import binascii
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

SHORTEST_SECRET_BYTES: Final = 32
# Values from tutorials, images and copied env files; whoever knows one of them owns the shop.
WELL_KNOWN: Final = (
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "default",
    "example",
    "placeholder",
    "your-",
    "your_",
    "00000000",
    "12345678",
    "abcdefgh",
    "test-key",
    "dev-key",
)
FEWEST_DISTINCT_CHARACTERS: Final = 8


class WeakSecret(ValueError):
    """A secret is blank, too short, repetitive or a well-known placeholder."""


def refuse_weak(text: str, *, shortest: int) -> None:
    """Raise `WeakSecret` unless `text` could be a secret of at least `shortest` characters."""
    if not text.strip():
        raise WeakSecret("must not be blank")
    if len(text) < shortest:
        raise WeakSecret(f"must have at least {shortest} characters")
    lowered = text.lower()
    if any(known in lowered for known in WELL_KNOWN):
        raise WeakSecret("looks like a well-known placeholder")
    if len(set(text)) < FEWEST_DISTINCT_CHARACTERS:
        raise WeakSecret("repeats too few characters")


def _check_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    refuse_weak(text, shortest=SHORTEST_SECRET_BYTES)
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise WeakSecret("must be base64") from exc
    if len(raw) != SHORTEST_SECRET_BYTES:
        raise WeakSecret(f"must be base64 of exactly {SHORTEST_SECRET_BYTES} bytes")
    return value


def _check_api_v3_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    refuse_weak(text, shortest=SHORTEST_SECRET_BYTES)
    if len(text.encode()) != SHORTEST_SECRET_BYTES:
        raise WeakSecret("must be exactly 32 bytes, as set at WeChat Pay")
    return value


def _check_app_secret(value: SecretStr) -> SecretStr:
    refuse_weak(value.get_secret_value(), shortest=16)
    return value


def _check_text(value: str) -> str:
    if not value.strip():
        raise WeakSecret("must not be blank")
    return value


Key = Annotated[SecretStr, AfterValidator(_check_key)]
AppSecret = Annotated[SecretStr, AfterValidator(_check_app_secret)]
ApiV3Key = Annotated[SecretStr, AfterValidator(_check_api_v3_key)]
Text = Annotated[str, AfterValidator(_check_text)]
# A page of the mini-program as the platforms want it: no slash before it, no query after it.
Page = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]+(/[0-9A-Za-z_-]+)*$", max_length=128)]


class Group(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    # A value left out is checked as well: being blank may be what is wrong with it.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
