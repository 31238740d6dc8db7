"""Where a run's settings come from: what is given wins, the rest is made once and kept."""

import json
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from app.machine import environment
from app.machine.environment import Places
from app.machine.refusal import CannotRun
from app.machine.secrets import ensure_local_secrets
from config.settings import Settings

SERVERS = {
    "DATABASE_URL": "postgresql://app@/x",
    "REDIS_URL": "unix:///r",
    "DATABASE_OWNER_URL": "o",
}
CREDENTIALS = {
    "wechat": {"app_id": "wx-sandbox", "app_secret": "of the sandbox"},
    "wechat_pay": {"mch_id": "16-sandbox"},
    "alipay": {"app_id": "2021-sandbox"},
    "wecom": {"corp_id": "ww-sandbox", "corp_secret": "of the sandbox"},
    "base_urls": {
        "wechat": "http://w",
        "wechat_pay": "http://p",
        "alipay": "http://a",
        "wecom": "http://c",
    },
}
REAL_WECHAT = {"WECHAT__APP_ID": "wx-real", "WECHAT__APP_SECRET": "real"}
REAL = REAL_WECHAT | {
    "WECHAT_PAY__MCH_ID": "16-real",
    "ALIPAY__APP_ID": "2021-real",
    "WECOM__CORP_ID": "ww-real",
}


def compose(tmp_path: Path, **given: str) -> dict[str, str]:
    """Return the settings of a run in `tmp_path` with this environment."""
    return environment.compose(
        given,
        places=Places.read({"VAR_DIR": str(tmp_path), **given}),
        servers=SERVERS,
        secrets=ensure_local_secrets(tmp_path),
        credentials=CREDENTIALS,
    )


class TestLocalSecrets:
    """Made once, for this machine alone."""

    def test_are_made_once_and_only_for_their_owner(self, tmp_path: Path) -> None:
        first = ensure_local_secrets(tmp_path)
        assert ensure_local_secrets(tmp_path) == first
        assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
        assert len(set(first.values())) == len(first)

    def test_a_new_kind_is_added_to_the_old_ones(self, tmp_path: Path) -> None:
        first = ensure_local_secrets(tmp_path)
        kept = {name: value for name, value in first.items() if name != "SECRETS__PHONE_KEY"}
        (tmp_path / "secrets.json").write_text(json.dumps(kept))
        again = ensure_local_secrets(tmp_path)
        assert kept.items() <= again.items()
        assert again["SECRETS__PHONE_KEY"] != first["SECRETS__PHONE_KEY"]

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
    def test_a_damaged_file_is_never_replaced(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "secrets.json").write_text(content)
        with pytest.raises(CannotRun, match=r"secrets\.json"):
            ensure_local_secrets(tmp_path)
        assert (tmp_path / "secrets.json").read_text() == content


class TestCompose:
    """Every setting of the product."""

    def test_makes_whatever_settings_want(self, tmp_path: Path) -> None:
        settings = compose(tmp_path)
        groups = ("secrets", "vault")
        for group in groups:
            kind = Settings.model_fields[group].annotation
            assert isinstance(kind, type)
            values = {
                name.split("__")[1].lower(): json.loads(value) if value.startswith("{") else value
                for name, value in settings.items()
                if name.startswith(f"{group}__".upper())
            }
            kind(**values)  # raises on anything missing or weak
        assert settings["READY_REQUIRES"] == '["worker", "scheduler"]'
        assert settings["PUBLIC_BASE_URL"] == "http://127.0.0.1:8000"

    def test_the_given_wins(self, tmp_path: Path) -> None:
        given = {"SECRETS__PHONE_KEY": "given", "PORT": "8123", "LIMITS__READS_PER_MINUTE": "5"}
        settings = compose(tmp_path, **given)
        assert given.items() <= settings.items()
        assert settings["PUBLIC_BASE_URL"] == "http://127.0.0.1:8123"

    def test_a_given_blank_is_not_covered_up(self, tmp_path: Path) -> None:
        assert compose(tmp_path, SECRETS__PHONE_KEY="")["SECRETS__PHONE_KEY"] == ""

    def test_the_vault_is_given_whole_or_not_at_all(self, tmp_path: Path) -> None:
        settings = compose(tmp_path, VAULT__CURRENT_MASTER_KEY="v2")
        assert "VAULT__MASTER_KEYS" not in settings

    def test_the_sandbox_plays_the_platforms_without_credentials(self, tmp_path: Path) -> None:
        settings = compose(tmp_path, **REAL_WECHAT, ALIPAY__FEE_BASIS_POINTS="55")
        assert settings["WECHAT__APP_ID"] == "wx-real"
        assert "WECHAT__BASE_URL" not in settings
        assert settings["WECHAT_PAY__MCH_ID"] == "16-sandbox"
        assert settings["WECHAT_PAY__BASE_URL"] == "http://p"
        assert settings["ALIPAY__BASE_URL"] == "http://a"
        assert settings["WECOM__CORP_ID"] == "ww-sandbox"
        assert settings["WECOM__BASE_URL"] == "http://c"

    def test_with_all_credentials_there_is_no_sandbox(self) -> None:
        assert environment.sandboxed_groups(REAL) == []
        assert environment.sandboxed_groups({}) == ["wechat", "wechat_pay", "alipay", "wecom"]

    @pytest.mark.parametrize("port", ["", "0", "65536", "eighty", "-1"])
    def test_a_port_that_is_none_is_refused(self, port: str) -> None:
        with pytest.raises(CannotRun, match="PORT is not a port number"):
            Places.read({"PORT": port})


class TestEnvironments:
    """Who gets what."""

    def test_the_processes_never_get_the_owner_of_the_schema(self, tmp_path: Path) -> None:
        settings = compose(tmp_path)
        assert "DATABASE_OWNER_URL" in environment.command_environment(settings)
        assert "DATABASE_OWNER_URL" not in environment.product_environment(settings)

    def test_nor_by_way_of_the_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_OWNER_URL", "given")
        assert "DATABASE_OWNER_URL" not in environment.product_environment(compose(tmp_path))

    def test_the_sandbox_gets_no_secret_of_the_product(self, tmp_path: Path) -> None:
        settings = compose(tmp_path)
        got = environment.sandbox_environment(settings)
        assert got["SANDBOX_DIR"] == str(tmp_path / "sandbox")
        assert not [name for name in got if name.startswith(("SECRETS__", "VAULT__", "DATABASE"))]


class TestRunFile:
    """What commands beside a run read."""

    def test_is_read_as_it_was_written_by_us_and_by_a_shell(self, tmp_path: Path) -> None:
        settings = compose(tmp_path) | {"PUBLIC_BASE_URL": 'it\'s "quoted" $HOME\nand long'}
        environment.write_run_file(tmp_path, settings)
        path = tmp_path / "run.env"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert environment.read_run_file(tmp_path) == settings
        script = f'. {shlex.quote(str(path))}; printf %s "$PUBLIC_BASE_URL"'
        shell = subprocess.run(
            ["/bin/sh", "-c", script], capture_output=True, text=True, check=True
        )
        assert shell.stdout == settings["PUBLIC_BASE_URL"]

    def test_none_while_there_is_none(self, tmp_path: Path) -> None:
        assert environment.read_run_file(tmp_path) is None
