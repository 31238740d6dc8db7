"""Every setting, typed, read once from the environment; weak secrets stop the process."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

SHORTEST_SECRET_BYTES: Final = 32
SHORTEST_TOKEN: Final = 16  # of an address to which a platform pushes; the longest is 32
AES_KEY_LETTERS: Final = 43
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


class PushedGroup(Group):
    """A platform that pushes messages to an address of ours, sealed; both secrets or neither."""

    callback_token: SecretStr = SecretStr("")
    callback_aes_key: SecretStr = SecretStr("")

    @field_validator("callback_token", "callback_aes_key")
    @classmethod
    def _check_callback(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """Refuse a weak secret; an empty one closes the address."""
        text = value.get_secret_value()
        if text:
            is_key = info.field_name == "callback_aes_key"
            refuse_weak(text, shortest=AES_KEY_LETTERS if is_key else SHORTEST_TOKEN)
        return value

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        """Refuse one without the other."""
        given = self.callback_token.get_secret_value(), self.callback_aes_key.get_secret_value()
        if any(given) and not all(given):
            raise WeakSecret("needs both, CALLBACK_TOKEN and CALLBACK_AES_KEY")
        return self


class WechatSettings(PushedGroup):
    """The mini-program at WeChat: environment `WECHAT__…`."""

    app_id: Text
    app_secret: AppSecret
    base_url: str = "https://api.weixin.qq.com"
    invite_page: Page = "pages/invite/index"


class WechatPaySettings(Group):
    """The direct merchant at WeChat Pay v3, public-key mode: environment `WECHAT_PAY__…`."""

    mch_id: Text
    merchant_serial: Text
    merchant_private_key_file: Path
    api_v3_key: ApiV3Key
    public_key_id: Text
    public_key_file: Path
    # Accepted, too, while WeChat Pay replaces its key by another.
    next_public_key_id: str | None = None
    next_public_key_file: Path | None = None
    base_url: str = "https://api.mch.weixin.qq.com"
    fee_basis_points: int = Field(default=60, ge=0, le=1000)


class AlipaySettings(Group):
    """The mini-program and merchant at Alipay, certificate mode: environment `ALIPAY__…`."""

    app_id: Text
    seller_id: Text
    app_private_key_file: Path
    app_cert_file: Path
    alipay_cert_file: Path
    alipay_root_cert_file: Path
    aes_key: AppSecret
    base_url: str = "https://openapi.alipay.com"
    invite_page: Page = "pages/invite/index"
    fee_basis_points: int = Field(default=60, ge=0, le=1000)


class WecomSettings(PushedGroup):
    """The company at WeCom, for tasks in customer groups: environment `WECOM__…`.

    Without `corp_id` that channel is off; robots need neither, each has a key of its own.
    """

    corp_id: str = ""
    corp_secret: SecretStr = SecretStr("")
    base_url: str = "https://qyapi.weixin.qq.com"

    @field_validator("corp_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """Refuse a weak secret as soon as the channel is on."""
        if info.data.get("corp_id"):
            refuse_weak(value.get_secret_value(), shortest=SHORTEST_SECRET_BYTES)
        elif value.get_secret_value():
            raise WeakSecret("names no company: WECOM__CORP_ID is empty")
        return value


class TencentCaptchaSettings(Group):
    """The slider of Tencent Captcha as a challenge: environment `TENCENT_CAPTCHA__…`.

    Without `app_id` a challenge is a proof of work.
    """

    app_id: int = Field(default=0, ge=0)
    app_secret_key: SecretStr = SecretStr("")
    secret_id: str = ""
    secret_key: SecretStr = SecretStr("")
    base_url: str = "https://captcha.tencentcloudapi.com"

    @field_validator("app_secret_key", "secret_id", "secret_key")
    @classmethod
    def _check_given(cls, value: SecretStr | str, info: ValidationInfo) -> SecretStr | str:
        """Refuse what is missing or weak as soon as the slider is on."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if info.data.get("app_id"):
            refuse_weak(text, shortest=16)
        elif text:
            raise WeakSecret("belongs to no slider: TENCENT_CAPTCHA__APP_ID is 0")
        return value


class SecretSettings(Group):
    """Keys of our own, each base64 of 32 random bytes: environment `SECRETS__…`."""

    token_hash_key: Key
    phone_hash_key: Key
    phone_key: Key
    card_index_key: Key
    metrics_key: Key


class VaultSettings(Group):
    """Master keys that wrap the data keys of card batches: environment `VAULT__…`."""

    master_keys: dict[str, Key] = Field(min_length=1)
    current_master_key: Text


class LimitSettings(Group):
    """Requests allowed per window, per member and per address: environment `LIMITS__…`."""

    reads_per_minute: int = Field(default=600, ge=1)
    writes_per_minute: int = Field(default=120, ge=1)
    sign_ins_per_minute: int = Field(default=60, ge=1)
    reveals_per_minute: int = Field(default=20, ge=1)
    address_multiple: int = Field(default=20, ge=1)
    device_percent: int = Field(default=60, ge=1, le=100)


class WithdrawalSettings(Group):
    """What leaders may withdraw, in fen: environment `WITHDRAWALS__…`."""

    # The platforms ask for a real name from 2,000 yuan on, and for none below 0.30.
    minimum_fen: int = Field(default=100, ge=30)
    maximum_fen: int = Field(default=50_000, ge=30, le=199_999)
    daily_fen: int = Field(default=100_000, ge=30)
    fee_basis_points: int = Field(default=0, ge=0, le=1000)
    review_from_fen: int = Field(default=20_000, ge=1)


class ApprovalSettings(Group):
    """From what size on a second operator decides: environment `APPROVALS__…`."""

    refund_from_fen: int = Field(default=50_000, ge=1)
    undo_from_cards: int = Field(default=100, ge=1)


class Settings(BaseSettings):
    """All settings; `Settings()` reads the environment and raises on anything missing or weak."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", frozen=True, extra="ignore", case_sensitive=False
    )

    database_url: Text
    database_owner_url: str | None = None
    redis_url: Text
    # The gate of flash sales, when it is not to be in the Redis of all the rest.
    gate_redis_url: str | None = None
    gate_is_cluster: bool = False
    # A risk score from 1 to 100 from which on a challenge must be solved; 101 asks nobody.
    challenge_from_score: int = Field(default=60, ge=1, le=101)
    port: int = Field(default=8000, ge=1, le=65535)
    lane_port: int = Field(default=8001, ge=1, le=65535)
    lane_workers: int = Field(default=1, ge=1)
    # Where clients reach the claim lane; empty: claims go where everything else goes.
    lane_base_url: str = ""
    public_base_url: str = "http://127.0.0.1:8000"
    var_dir: Path = Path("var")
    environment: str = Field(default="production", pattern=r"^[a-z]{1,10}$")
    log_level: str = "INFO"
    log_format: str = Field(default="json", pattern="^(json|console)$")
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    web_workers: int = Field(default=2, ge=1)
    web_threads: int = Field(default=4, ge=1)
    ready_requires: tuple[str, ...] = ()
    order_pay_within_seconds: int = Field(default=900, ge=1)
    platform_timeout_seconds: int = Field(default=8, ge=1, le=60)

    wechat: WechatSettings
    wechat_pay: WechatPaySettings
    alipay: AlipaySettings
    wecom: WecomSettings = WecomSettings()
    tencent_captcha: TencentCaptchaSettings = TencentCaptchaSettings()
    secrets: SecretSettings
    vault: VaultSettings
    limits: LimitSettings = LimitSettings()
    withdrawals: WithdrawalSettings = WithdrawalSettings()
    approvals: ApprovalSettings = ApprovalSettings()


def explain(error: ValidationError) -> str:
    """Say in one line per problem what is wrong, naming the variable and never the value."""
    lines = []
    for item in error.errors(include_input=False, include_context=False, include_url=False):
        name = "__".join(str(part) for part in item["loc"]).upper()
        lines.append(f"{name}: {item['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `SystemExit` names each problem in a line."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SystemExit("settings refused:\n" + explain(error)) from None
    except SettingsError as error:
        # The message names the setting; what was given there stays untold, it may be a secret.
        raise SystemExit(f"settings refused: not JSON\n{error}") from None
