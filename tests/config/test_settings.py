"""Weak, missing and malformed settings stop the process, and no message shows a value."""

import base64
import json
import os
import secrets
import traceback

import pytest
from pydantic import SecretStr, ValidationError

from config.checks import WeakSecret, refuse_weak
from config.settings import Settings, load_settings

SECRETS = (
    "WECHAT__APP_SECRET",
    "WECHAT_PAY__API_V3_KEY",
    "ALIPAY__AES_KEY",
    "SECRETS__TOKEN_HASH_KEY",
    "SECRETS__PHONE_HASH_KEY",
    "SECRETS__PHONE_KEY",
    "SECRETS__CARD_INDEX_KEY",
    "SECRETS__METRICS_KEY",
)
IDENTIFIERS = (
    "DATABASE_URL",
    "REDIS_URL",
    "WECHAT__APP_ID",
    "WECHAT_PAY__MCH_ID",
    "WECHAT_PAY__MERCHANT_SERIAL",
    "WECHAT_PAY__PUBLIC_KEY_ID",
    "ALIPAY__APP_ID",
    "ALIPAY__SELLER_ID",
    "VAULT__CURRENT_MASTER_KEY",
)
FILES = (
    "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
    "WECHAT_PAY__PUBLIC_KEY_FILE",
    "ALIPAY__APP_PRIVATE_KEY_FILE",
    "ALIPAY__APP_CERT_FILE",
    "ALIPAY__ALIPAY_CERT_FILE",
    "ALIPAY__ALIPAY_ROOT_CERT_FILE",
)


def key() -> str:
    """Return a good key of ours."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def good() -> dict[str, str]:
    """Return the least environment that is accepted."""
    values = dict.fromkeys(IDENTIFIERS, "named") | dict.fromkeys(FILES, "/keys/file.pem")
    values |= {name: key() for name in SECRETS}
    values["WECHAT_PAY__API_V3_KEY"] = "k3Jf92LmQp0ZxVb7TnRw5YcHs8Dg4AeU"
    values["VAULT__MASTER_KEYS"] = json.dumps({"named": key()})
    return values


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make a good environment the whole one, and return it."""
    for name in list(os.environ):
        if name.upper().startswith(("WEC", "ALIPAY", "SECRETS", "VAULT", "LIMITS")):
            monkeypatch.delenv(name)
    values = good()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def refusal() -> str:
    """Return why the settings are refused."""
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    # Whatever is printed of it, chained failures included.
    return "".join(traceback.format_exception(stopped.value))


class TestLoadSettings:
    def test_accepts_what_is_good(self, given: dict[str, str]) -> None:
        settings = load_settings()
        assert settings.wechat.app_id == "named"
        assert list(settings.vault.master_keys) == ["named"]
        assert settings.order_pay_within_seconds == 900

    @pytest.mark.parametrize("name", [*SECRETS, *IDENTIFIERS, *FILES, "VAULT__MASTER_KEYS"])
    def test_a17_refuses_what_is_missing_and_names_it(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.delenv(name)
        assert f"{name}: Field required" in refusal()

    @pytest.mark.parametrize("name", [*SECRETS, *IDENTIFIERS])
    @pytest.mark.parametrize("blank", ["", " ", "\t\n"])
    def test_a17_refuses_what_is_blank(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, blank: str
    ) -> None:
        monkeypatch.setenv(name, blank)
        assert f"{name}: must not be blank" in refusal()

    @pytest.mark.parametrize("name", SECRETS)
    @pytest.mark.parametrize(
        "weak",
        [
            "kJf92L",
            "change-me-change-me-change-me-32",
            "MySecretMySecretMySecretMySecret",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababababab",
            "12345678901234567890123456789012",
            "0000000000000000000000000000000000000000000=",
        ],
    )
    def test_a17_refuses_what_is_weak_and_does_not_repeat_it(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, weak: str
    ) -> None:
        monkeypatch.setenv(name, weak)
        told = refusal()
        assert f"{name}: " in told
        assert weak not in told

    @pytest.mark.parametrize("count", [31, 33])
    def test_a17_takes_keys_of_32_bytes_alone(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        name = "SECRETS__PHONE_KEY"
        monkeypatch.setenv(name, base64.b64encode(secrets.token_bytes(count)).decode())
        assert f"{name}: must be base64 of exactly 32 bytes" in refusal()
        monkeypatch.setenv(name, key().replace("=", "") + "!")
        assert f"{name}: must be base64" in refusal()

    def test_a17_takes_an_api_key_of_32_bytes_alone(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = "WECHAT_PAY__API_V3_KEY"
        for wrong in (given[name] + "x", given[name][:31] + "团"):
            monkeypatch.setenv(name, wrong)
            assert f"{name}: must be exactly 32 bytes" in refusal()

    def test_wecom_may_be_left_out(self, given: dict[str, str]) -> None:
        assert load_settings().wecom.corp_id == ""

    @pytest.mark.parametrize(
        "secret", ["", " ", "kJf92L", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "change-me" * 5]
    )
    def test_a17_a_company_at_wecom_needs_its_secret(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, secret: str
    ) -> None:
        monkeypatch.setenv("WECOM__CORP_ID", "ww-named")
        assert "WECOM__CORP_SECRET: must not be blank" in refusal()
        monkeypatch.setenv("WECOM__CORP_SECRET", secret)
        told = refusal()
        assert "WECOM__CORP_SECRET: " in told
        assert len(secret) < 2 or secret not in told
        monkeypatch.setenv("WECOM__CORP_SECRET", key())
        assert load_settings().wecom.corp_id == "ww-named"

    def test_a_secret_of_no_company_is_refused(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WECOM__CORP_SECRET", key())
        assert "WECOM__CORP_SECRET: names no company" in refusal()

    def test_a_slider_needs_all_of_its_names(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert load_settings().tencent_captcha.app_id == 0
        monkeypatch.setenv("TENCENT_CAPTCHA__SECRET_ID", "AKID" + key())
        assert "TENCENT_CAPTCHA__SECRET_ID: belongs to no slider" in refusal()
        monkeypatch.setenv("TENCENT_CAPTCHA__APP_ID", "1900000109")
        assert "TENCENT_CAPTCHA__SECRET_KEY: must not be blank" in refusal()
        monkeypatch.setenv("TENCENT_CAPTCHA__SECRET_KEY", key())
        monkeypatch.setenv("TENCENT_CAPTCHA__APP_SECRET_KEY", "short")
        assert "TENCENT_CAPTCHA__APP_SECRET_KEY: must have at least 16" in refusal()
        monkeypatch.setenv("TENCENT_CAPTCHA__APP_SECRET_KEY", key())
        assert load_settings().tencent_captcha.app_id == 1900000109

    @pytest.mark.parametrize("group", ["WECHAT", "WECOM"])
    @pytest.mark.parametrize(
        ("token", "aes_key"),
        [
            ("QmxhY2tiaXJkU2luZ2luZ0luVGhlRGVh", ""),
            ("", "QmxhY2tiaXJkU2luZ2luZ0luVGhlRGVhZE9mTmlnaHQx"),
            ("short", "QmxhY2tiaXJkU2luZ2luZ0luVGhlRGVhZE9mTmlnaHQ"),
            ("QmxhY2tiaXJkU2luZ2luZ0luVGhlRGVh", "QmxhY2tiaXJk"),
        ],
    )
    def test_a17_an_address_needs_both_its_secrets(
        self,
        given: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        group: str,
        token: str,
        aes_key: str,
    ) -> None:
        monkeypatch.setenv(f"{group}__CALLBACK_TOKEN", token)
        monkeypatch.setenv(f"{group}__CALLBACK_AES_KEY", aes_key)
        assert "CALLBACK" in refusal().upper()

    @pytest.mark.parametrize("keys", ["{}", '{"named": ""}', '{"named": "short"}'])
    def test_a17_takes_no_weak_master_key(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, keys: str
    ) -> None:
        monkeypatch.setenv("VAULT__MASTER_KEYS", keys)
        assert "VAULT__MASTER_KEYS" in refusal()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "0"),
            ("PORT", "hidden-value"),
            ("TRUSTED_PROXIES", "-1"),
            ("TRUSTED_PROXIES", "99"),
            ("ORDER_PAY_WITHIN_SECONDS", "0"),
            ("LIMITS__READS_PER_MINUTE", "0"),
            ("LOG_FORMAT", "hidden-value"),
            ("ENVIRONMENT", "hidden-value"),
            ("WECHAT_PAY__FEE_BASIS_POINTS", "1001"),
        ],
    )
    def test_refuses_what_is_out_of_bounds(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        told = refusal()
        assert f"{name}: " in told
        assert "hidden-value" not in told

    @pytest.mark.parametrize(
        "name", ["READY_REQUIRES", "VAULT__MASTER_KEYS", "VAULT", "WECHAT", "LIMITS"]
    )
    def test_refuses_what_is_no_json_without_showing_it(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "{hidden-value")
        told = refusal()
        assert f'"{name.partition("__")[0].lower()}"' in told
        assert "hidden-value" not in told

    def test_refuses_a_name_that_a_group_does_not_know(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIMITS__READS_PER_MINUT", "5")
        assert "LIMITS__READS_PER_MINUT: " in refusal()

    def test_names_every_problem_at_once(
        self, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in SECRETS:
            monkeypatch.setenv(name, "")
        told = refusal()
        assert all(f"{name}: must not be blank" in told for name in SECRETS)


class TestSettings:
    def test_l187_never_show_a_secret(self, given: dict[str, str]) -> None:
        settings = load_settings()
        shown = repr(settings) + str(settings) + str(settings.model_dump())
        for name in SECRETS:
            assert given[name] not in shown
        assert "master_keys" in shown
        assert str(json.loads(given["VAULT__MASTER_KEYS"])["named"]) not in shown

    def test_cannot_be_changed(self, given: dict[str, str]) -> None:
        settings = load_settings()
        with pytest.raises(ValidationError):
            settings.port = 1
        with pytest.raises(ValidationError):
            settings.secrets.phone_key = SecretStr("x")

    def test_a17_have_no_default_for_a_secret(self) -> None:
        for group in ("wechat", "wechat_pay", "alipay", "secrets", "vault"):
            model = Settings.model_fields[group]
            assert model.is_required()
            for name, field in model.annotation.model_fields.items():  # type: ignore[union-attr]  # groups are models
                is_secret = not name.endswith(("base_url", "fee_basis_points", "_page"))
                # What follows a key is there while it is replaced; without a token nobody pushes.
                may_lack = name.startswith(("next_", "callback_"))
                assert field.is_required() == (is_secret and not may_lack)


class TestRefuseWeak:
    @pytest.mark.parametrize("length", [15, 16])
    def test_counts_characters(self, length: int) -> None:
        text = "qwertzuiopasdfghj"[:length]
        if length < 16:
            with pytest.raises(WeakSecret, match="at least 16"):
                refuse_weak(text, shortest=16)
        else:
            refuse_weak(text, shortest=16)

    def test_wants_eight_different_ones(self) -> None:
        refuse_weak("qwertzui" * 4, shortest=16)
        with pytest.raises(WeakSecret, match="too few"):
            refuse_weak("qwertzu" * 5, shortest=16)

    def test_knows_placeholders_in_any_case(self) -> None:
        with pytest.raises(WeakSecret, match="placeholder"):
            refuse_weak("xK9-CHANGEME-pQ7-zL2", shortest=16)
