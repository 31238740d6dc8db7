"""Every setting, typed, read once from the environment; weak secrets stop the process."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from config.checks import Group, Key, Text
from config.platforms import (
    AlipaySettings,
    TencentCaptchaSettings,
    WechatPaySettings,
    WechatSettings,
    WecomSettings,
)


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
