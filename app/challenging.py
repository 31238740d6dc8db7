"""Turns settings into the challenge that is posed to whoever looks like a program."""

from config.settings import Settings
from flash_sale.challenges import Challenge, ProofOfWork
from flash_sale.slider import SERVICE, VERSION, Slider
from kit.tencent_cloud import TencentApi, TencentKey


def make_challenge(settings: Settings, key: bytes) -> Challenge:
    """Return a slider if one is set up, else a proof of work; `key` signs what is ours."""
    ours = settings.tencent_captcha
    work = ProofOfWork(key)
    if not ours.app_id:
        return work
    api = TencentApi(
        TencentKey(ours.secret_id, ours.secret_key.get_secret_value()),
        service=SERVICE,
        version=VERSION,
        base_url=ours.base_url,
        timeout_seconds=float(settings.platform_timeout_seconds),
    )
    return Slider(
        api,
        app_id=ours.app_id,
        app_secret_key=ours.app_secret_key.get_secret_value(),
        instead=work,
    )
