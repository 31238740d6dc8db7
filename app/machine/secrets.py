"""Secrets of this machine alone: made once at random, kept in one file that only we may read."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Final

from app.machine.refusal import CannotRun

FILE_NAME: Final = "secrets.json"
KEY_BYTES: Final = 32
# The keys that config.settings wants, under the names of the environment.
OUR_KEYS: Final = (
    "SECRETS__TOKEN_HASH_KEY",
    "SECRETS__PHONE_HASH_KEY",
    "SECRETS__PHONE_KEY",
    "SECRETS__CARD_INDEX_KEY",
    "SECRETS__METRICS_KEY",
)
MASTER_KEY: Final = "master_key_v1"
OWNER_PASSWORD: Final = "database_owner_password"  # noqa: S105 - the name of an entry
APP_PASSWORD: Final = "database_password"  # noqa: S105 - the name of an entry


def ensure_local_secrets(var_dir: Path) -> dict[str, str]:
    """Return the secrets, having made whichever were absent; the file's mode is 0600."""
    path = var_dir / FILE_NAME
    known = _read(path)
    wanted = dict.fromkeys((*OUR_KEYS, MASTER_KEY), new_key)
    wanted |= dict.fromkeys((OWNER_PASSWORD, APP_PASSWORD), _new_password)
    missing = {name: make() for name, make in wanted.items() if name not in known}
    if missing:
        write_private(path, json.dumps(known | missing, indent=2) + "\n")
    path.chmod(0o600)
    return known | missing


def new_key() -> str:
    """Return base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _new_password() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRun(f"{path} cannot be read: {error}") from None
    if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
        raise CannotRun(f"{path} does not hold secrets by name")
    return known
