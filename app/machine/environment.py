"""The environment of every process of the product: what was given wins, the rest is made here."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from app.machine.children import run_to_end
from app.machine.refusal import CannotRun
from app.machine.secrets import MASTER_KEY, OUR_KEYS, write_private
from config.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
RUN_FILE: Final = "run.env"
GROUPS: Final = ("wechat", "wechat_pay", "alipay", "wecom")
SANDBOX_NAMES: Final = (
    "SANDBOX_PORT",
    "SANDBOX_DIR",
    "SANDBOX_CALLBACKS_URL",
    "SANDBOX_NOTICE_SCALE",
    "SANDBOX_QUIET",
)
OWNER_URL: Final = "DATABASE_OWNER_URL"

Environment = dict[str, str]


@dataclass(frozen=True, slots=True)
class Places:
    """Folders and ports of this machine."""

    var_dir: Path
    port: int
    lane_port: int
    sandbox_port: int
    sandbox_dir: Path

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Places":
        """Take them from the environment; relative folders count from the project."""
        var_dir = (ROOT / given.get("VAR_DIR", "var")).resolve()
        return cls(
            var_dir=var_dir,
            port=_port(given, "PORT", 8000),
            lane_port=_port(given, "LANE_PORT", 8001),
            sandbox_port=_port(given, "SANDBOX_PORT", 9100),
            sandbox_dir=(ROOT / given.get("SANDBOX_DIR", var_dir / "sandbox")).resolve(),
        )

    @property
    def web_url(self) -> str:
        """Return where the web answers on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lane_url(self) -> str:
        """Return where the claim lane answers on this machine."""
        return f"http://127.0.0.1:{self.lane_port}"

    @property
    def sandbox_url(self) -> str:
        """Return where the simulated platforms answer."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def settings(self) -> Environment:
        """Return them as settings of the product and of the sandbox."""
        return {
            "VAR_DIR": str(self.var_dir),
            "PORT": str(self.port),
            "LANE_PORT": str(self.lane_port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "SANDBOX_DIR": str(self.sandbox_dir),
            "SANDBOX_CALLBACKS_URL": f"{self.web_url}/callbacks",
        }


def compose(
    given: Mapping[str, str],
    *,
    places: Places,
    servers: Mapping[str, str],
    secrets: Mapping[str, str],
    credentials: Mapping[str, Mapping[str, str]] | None,
) -> Environment:
    """Return every setting of the product and the sandbox.

    `servers` are the URLs of database and Redis; `credentials` the sandbox's, None without it.
    """
    ours = {
        "ENVIRONMENT": "local",
        "PUBLIC_BASE_URL": places.web_url,
        "LANE_BASE_URL": places.lane_url,
        "READY_REQUIRES": json.dumps(["worker", "scheduler"]),
        # On one machine, all members come from one address.
        "LIMITS__ADDRESS_MULTIPLE": "1000",
        **{name: secrets[name] for name in OUR_KEYS},
        **servers,
    }
    if not any(name.startswith("VAULT__") for name in given):
        ours["VAULT__MASTER_KEYS"] = json.dumps({"v1": secrets[MASTER_KEY]})
        ours["VAULT__CURRENT_MASTER_KEY"] = "v1"
    for group in sandboxed_groups(given):
        ours |= _credentials_of(group, credentials or {})
    return ours | {name: given[name] for name in given if is_setting(name)} | places.settings()


def sandboxed_groups(given: Mapping[str, str]) -> list[str]:
    """Return the platforms for which no credential is given, so that the sandbox plays them."""
    return [
        group
        for group in GROUPS
        if not any(f"{group}__{name}".upper() in given for name in _credential_names(group))
    ]


def read_credentials(places: Places, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Let the sandbox make its keys and return what a merchant would get from the platforms."""
    result = run_to_end(
        [sys.executable, "-m", "sandbox", "keys"],
        environment=sandbox_environment({**given, **places.settings()}),
        directory=ROOT,
    )
    if result.returncode != 0:
        raise CannotRun(f"the sandbox cannot make its keys: {result.stdout.strip()[-300:]}")
    text = (places.sandbox_dir / "credentials.json").read_text(encoding="utf-8")
    credentials: dict[str, dict[str, str]] = json.loads(text)
    return credentials


def is_setting(name: str) -> bool:
    """Say whether the name of an environment variable is one of the product's or the sandbox's."""
    first, _, rest = name.lower().partition("__")
    field = Settings.model_fields.get(first)
    return name.upper() in SANDBOX_NAMES or (
        field is not None and bool(rest) == _is_group(field.annotation)
    )


def product_environment(settings: Mapping[str, str]) -> Environment:
    """Return what web, lane, worker and scheduler get: the schema's owner is not their business."""
    kept = {name: value for name, value in settings.items() if name != OWNER_URL}
    return command_environment(kept)


def command_environment(settings: Mapping[str, str]) -> Environment:
    """Return what a command of the operator gets."""
    return surroundings(os.environ) | dict(settings)


def sandbox_environment(settings: Mapping[str, str]) -> Environment:
    """Return what the sandbox gets, which is nothing of the product's."""
    own = {name: settings[name] for name in SANDBOX_NAMES if name in settings}
    return surroundings(os.environ) | own


def surroundings(given: Mapping[str, str]) -> Environment:
    """Return what is given apart from settings, and how our programs are to behave."""
    others = {name: value for name, value in given.items() if not is_setting(name)}
    return others | {"PYTHONUNBUFFERED": "1", "FLASK_APP": "app.cli", "FLASK_SKIP_DOTENV": "1"}


def write_run_file(var_dir: Path, settings: Mapping[str, str]) -> None:
    """Tell commands beside this run which settings it has, in a form that a shell reads, too."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    write_private(var_dir / RUN_FILE, "\n".join(lines) + "\n")


def read_run_file(var_dir: Path) -> Environment | None:
    """Return the settings of the run that goes on; None when it has not written them yet."""
    try:
        text = (var_dir / RUN_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    pairs = (word.partition("=") for word in shlex.split(text))
    return {name: value for name, _, value in pairs}


def _credentials_of(group: str, credentials: Mapping[str, Mapping[str, str]]) -> Environment:
    found = {**credentials.get(group, {}), "base_url": credentials["base_urls"][group]}
    return {f"{group}__{name}".upper(): value for name, value in found.items()}


def _credential_names(group: str) -> list[str]:
    kind = Settings.model_fields[group].annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise TypeError(f"{group} is not a group of settings")
    return [
        name
        for name, field in kind.model_fields.items()
        if field.is_required() or field.default in ("", SecretStr(""))
    ]


def _is_group(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise CannotRun(f"{name} is not a port number: {text!r}")
    return int(text)
