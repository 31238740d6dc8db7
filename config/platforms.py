"""Settings of the platforms: who we are there, and the secrets between us."""

from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from config.checks import (
    SHORTEST_SECRET_BYTES,
    ApiV3Key,
    AppSecret,
    Group,
    Page,
    Text,
    WeakSecret,
    refuse_weak,
)

SHORTEST_TOKEN: Final = 16  # of an address to which a platform pushes; the longest is 32
AES_KEY_LETTERS: Final = 43


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
