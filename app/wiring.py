"""Turns settings into the ports: engine, Redis, platform clients, vault, clock."""

import base64
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from redis import Redis

from app.challenging import make_challenge
from app.messaging import make_channels, make_content_checks, make_heard
from app.metrics import count_rejected_notice
from app.options import WebOptions
from app.redis_clients import make_gate_redis, make_redis
from config.platforms import AlipaySettings, WechatPaySettings
from config.settings import SecretSettings, Settings
from kit.alipay import AlipayApi
from kit.crypto import keyed_hash
from kit.database_clock import DatabaseClock
from kit.db import Begin, make_begin, make_engine
from kit.ratelimit import RateLimiter
from kit.wechat import WechatApi
from miniprogram_api.limits import Limits
from shop.approvals.rules import ApprovalTerms
from shop.cards.vault import Vault
from shop.chat_groups.robot_keys import RobotKeys
from shop.members.alipay import AlipayMembers
from shop.members.phones import PhoneBook
from shop.members.platforms import IdentityPlatform, Platform
from shop.members.wechat import WechatMembers, WechatShippingDesk
from shop.payments.alipay import AlipayGateway
from shop.payments.alipay_transfers import AlipayTransfers
from shop.payments.gateway import Channel
from shop.payments.rejections import Rejections
from shop.payments.transfer_gateway import TransferGateway
from shop.payments.wechat_pay import WechatPayGateway
from shop.payments.wechat_pay_transfers import WechatPayTransfers
from shop.ports import Ports
from shop.posters.alipay import AlipayCodes
from shop.posters.cache import PosterCache
from shop.posters.makers import CodeKind, CodeMaker
from shop.posters.wechat import WechatCodes, WechatLinks
from shop.withdrawals.rules import WithdrawalTerms

WECHAT_PAY_NOTICES: Final = "/callbacks/wechat-pay"
WECHAT_PAY_TRANSFER_NOTICES: Final = "/callbacks/wechat-pay-transfers"
ALIPAY_NOTICES: Final = "/callbacks/alipay"
POSTERS: Final = "posters"


def make_ports(settings: Settings, *, connections: int, name: str, by_index: bool = False) -> Ports:
    """Return the outside world for one process; `SystemExit` names a key that cannot be read.

    `connections` to the database are kept at most; `name` is how it sees this process; `by_index`
    is explained at `make_engine`.
    """
    redis = make_redis(settings)
    timeout = float(settings.platform_timeout_seconds)
    wechat_api = _wechat_api(settings, redis, timeout)
    try:
        alipay_api = _alipay_api(settings.alipay, timeout)
        wechat_pay = _wechat_pay(settings, settings.wechat_pay, timeout)
        identities = _identities(settings, wechat_api, alipay_api)
        vault = _vault(settings)
        heard = make_heard(settings, wechat=wechat_api, redis=redis)
    except ValueError as error:
        raise SystemExit(f"settings refused:\n{error}") from None
    alipay = _alipay_gateway(settings, alipay_api, timeout)
    secrets = settings.secrets
    begin = _begin(settings, connections=connections, name=name, by_index=by_index)
    return Ports(
        begin=begin,
        clock=DatabaseClock(begin),
        redis=redis,
        gate_redis=make_gate_redis(settings),
        limiter=RateLimiter(redis),
        gateways={Channel.WECHAT_PAY: wechat_pay, Channel.ALIPAY: alipay},
        transfers=_transfers(settings, wechat_pay, alipay_api),
        identity_platforms=identities,
        shipping_desk=WechatShippingDesk(wechat_api),
        channels=make_channels(settings, wechat=wechat_api, alipay=alipay_api, redis=redis),
        content_checks=make_content_checks(wechat=wechat_api, alipay=alipay_api),
        code_makers=_code_makers(settings, wechat_api, alipay_api),
        posters=PosterCache(settings.var_dir / POSTERS),
        vault=vault,
        phone_book=PhoneBook(key=_raw(secrets.phone_key), hash_key=_raw(secrets.phone_hash_key)),
        token_hash_key=_raw(secrets.token_hash_key),
        payer_hash_key=keyed_hash(_raw(secrets.phone_hash_key), b"payer/v1"),
        device_hash_key=keyed_hash(_raw(secrets.phone_hash_key), b"device/v1"),
        robot_keys=_robot_keys(secrets),
        purchase_key=keyed_hash(_raw(secrets.token_hash_key), b"purchase/v1"),
        pay_within=timedelta(seconds=settings.order_pay_within_seconds),
        public_base_url=settings.public_base_url.rstrip("/"),
        withdrawal_terms=_withdrawal_terms(settings),
        approval_terms=ApprovalTerms(**settings.approvals.model_dump()),
        fee_basis_points=_dearest_fee(settings),
        rejections=Rejections(count_rejected_notice),
        heard=heard,
    )


def _identities(
    settings: Settings, wechat_api: WechatApi, alipay_api: AlipayApi
) -> dict[Platform, IdentityPlatform]:
    aes_key = settings.alipay.aes_key.get_secret_value()
    return {
        Platform.WECHAT: WechatMembers(wechat_api),
        Platform.ALIPAY: AlipayMembers(alipay_api, aes_key=aes_key),
    }


def _begin(settings: Settings, *, connections: int, name: str, by_index: bool) -> Begin:
    engine = make_engine(
        settings.database_url,
        pool_size=connections,
        max_overflow=0,
        application_name=name,
        by_index=by_index,
    )
    return make_begin(engine)


def _robot_keys(secrets: SecretSettings) -> RobotKeys:
    return RobotKeys(
        key=keyed_hash(_raw(secrets.phone_key), b"robot/v1"),
        hash_key=keyed_hash(_raw(secrets.phone_hash_key), b"robot/v1"),
    )


def web_options(settings: Settings) -> WebOptions:
    """Return what the web application needs to know besides the ports."""
    return WebOptions(
        metrics_key=settings.secrets.metrics_key.get_secret_value(),
        environment=settings.environment,
        trusted_proxies=settings.trusted_proxies,
        ready_requires=settings.ready_requires,
        claims_base_url=(settings.lane_base_url or settings.public_base_url).rstrip("/"),
        challenge_from_score=settings.challenge_from_score,
        challenge_of=partial(make_challenge, settings),
        public_origin=_origin(settings.public_base_url),
        limits=make_limits(settings),
    )


def make_limits(settings: Settings) -> Limits:
    """Return how often members and addresses may ask."""
    return Limits(**settings.limits.model_dump())


def _wechat_api(settings: Settings, redis: Redis, timeout: float) -> WechatApi:
    return WechatApi(
        app_id=settings.wechat.app_id,
        app_secret=settings.wechat.app_secret.get_secret_value(),
        base_url=settings.wechat.base_url,
        timeout_seconds=timeout,
        redis=redis,
    )


def _code_makers(
    settings: Settings, wechat_api: WechatApi, alipay_api: AlipayApi
) -> dict[CodeKind, CodeMaker]:
    page, timeout = settings.wechat.invite_page, float(settings.platform_timeout_seconds)
    return {
        CodeKind.WECHAT_CODE: WechatCodes(wechat_api, page=page),
        CodeKind.WECHAT_LINK: WechatLinks(wechat_api, page=page),
        CodeKind.ALIPAY_CODE: AlipayCodes(
            alipay_api, page=settings.alipay.invite_page, timeout_seconds=timeout
        ),
    }


def _withdrawal_terms(settings: Settings) -> WithdrawalTerms:
    return WithdrawalTerms(**settings.withdrawals.model_dump())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _dearest_fee(settings: Settings) -> int:
    return max(settings.wechat_pay.fee_basis_points, settings.alipay.fee_basis_points)


def _wechat_pay(settings: Settings, ours: WechatPaySettings, timeout: float) -> WechatPayGateway:
    notices = _notify_url(settings, WECHAT_PAY_NOTICES)
    return WechatPayGateway(
        app_id=settings.wechat.app_id,
        mch_id=ours.mch_id,
        merchant_serial=ours.merchant_serial,
        merchant_private_key_pem=_read(ours.merchant_private_key_file),
        api_v3_key=ours.api_v3_key.get_secret_value(),
        public_key_id=ours.public_key_id,
        public_key_pem=_read(ours.public_key_file),
        base_url=ours.base_url,
        notify_url=notices,
        refund_notify_url=notices,
        timeout_seconds=timeout,
        other_public_keys=_next_public_key(ours),
    )


def _transfers(
    settings: Settings, wechat_pay: WechatPayGateway, alipay_api: AlipayApi
) -> dict[Channel, TransferGateway]:
    return {
        Channel.WECHAT_PAY: WechatPayTransfers(
            wechat_pay.client,
            app_id=wechat_pay.app_id,
            mch_id=wechat_pay.merchant_id,
            notify_url=_notify_url(settings, WECHAT_PAY_TRANSFER_NOTICES),
        ),
        Channel.ALIPAY: AlipayTransfers(alipay_api, seller_id=settings.alipay.seller_id),
    }


def _next_public_key(ours: WechatPaySettings) -> dict[str, str]:
    if not ours.next_public_key_id or not ours.next_public_key_file:
        return {}
    return {ours.next_public_key_id: _read(ours.next_public_key_file)}


def _alipay_gateway(settings: Settings, api: AlipayApi, timeout: float) -> AlipayGateway:
    return AlipayGateway(
        api,
        seller_id=settings.alipay.seller_id,
        notify_url=_notify_url(settings, ALIPAY_NOTICES),
        timeout_seconds=timeout,
    )


def _alipay_api(ours: AlipaySettings, timeout: float) -> AlipayApi:
    return AlipayApi(
        app_id=ours.app_id,
        app_private_key_pem=_read(ours.app_private_key_file),
        app_cert_pem=_read(ours.app_cert_file),
        alipay_cert_pem=_read(ours.alipay_cert_file),
        alipay_root_cert_pem=_read(ours.alipay_root_cert_file),
        base_url=ours.base_url,
        timeout_seconds=timeout,
    )


def _vault(settings: Settings) -> Vault:
    return Vault(
        {version: _raw(key) for version, key in settings.vault.master_keys.items()},
        current=settings.vault.current_master_key,
        index_key=_raw(settings.secrets.card_index_key),
    )


def _notify_url(settings: Settings, path: str) -> str:
    return settings.public_base_url.rstrip("/") + path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _raw(key: SecretStr) -> bytes:
    return base64.b64decode(key.get_secret_value())
