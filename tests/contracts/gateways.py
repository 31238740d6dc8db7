"""The product's gateways and identity platforms, wired to a sandbox by its credentials."""

from pathlib import Path

from redis import Redis

from kit.alipay import AlipayApi
from kit.wechat import WechatApi
from shop.payments.alipay import AlipayGateway
from shop.payments.gateway import Channel, PaymentGateway
from shop.payments.wechat_pay import WechatPayGateway
from tests.contracts.channels import Known
from tests.servers import SandboxServer

OPEN_IDS = {
    Channel.WECHAT_PAY: "o" + "A" * 27,
    Channel.ALIPAY: "048mXcPAqDzVn7VqVZWqoiCkWdQsp9d5dzx8lLm3hQnXkA4",
}


def make_gateway(
    channel: Channel, sandbox: SandboxServer, *, notify_url: str, timeout_seconds: float
) -> PaymentGateway:
    """Return the gateway of a channel."""
    if channel is Channel.ALIPAY:
        return AlipayGateway(
            make_alipay_api(sandbox, timeout_seconds=timeout_seconds),
            seller_id=sandbox.credentials["alipay"]["seller_id"],
            notify_url=notify_url,
            timeout_seconds=timeout_seconds,
        )
    names = sandbox.credentials["wechat_pay"]
    return WechatPayGateway(
        app_id=sandbox.credentials["wechat"]["app_id"],
        mch_id=names["mch_id"],
        merchant_serial=names["merchant_serial"],
        merchant_private_key_pem=Path(names["merchant_private_key_file"]).read_text(),
        api_v3_key=names["api_v3_key"],
        public_key_id=names["public_key_id"],
        public_key_pem=Path(names["public_key_file"]).read_text(),
        base_url=sandbox.credentials["base_urls"]["wechat_pay"],
        notify_url=notify_url,
        refund_notify_url=notify_url,
        timeout_seconds=timeout_seconds,
    )


def make_alipay_api(sandbox: SandboxServer, *, timeout_seconds: float = 5) -> AlipayApi:
    """Return the client of Alipay's gateway."""
    names = sandbox.credentials["alipay"]
    return AlipayApi(
        app_id=names["app_id"],
        app_private_key_pem=Path(names["app_private_key_file"]).read_text(),
        app_cert_pem=Path(names["app_cert_file"]).read_text(),
        alipay_cert_pem=Path(names["alipay_cert_file"]).read_text(),
        alipay_root_cert_pem=Path(names["alipay_root_cert_file"]).read_text(),
        base_url=sandbox.credentials["base_urls"]["alipay"],
        timeout_seconds=timeout_seconds,
    )


def make_wechat_api(sandbox: Known, redis: "Redis") -> WechatApi:
    """Return the client of the mini-program's server API."""
    names = sandbox.credentials["wechat"]
    return WechatApi(
        app_id=names["app_id"],
        app_secret=names["app_secret"],
        base_url=sandbox.credentials["base_urls"]["wechat"],
        timeout_seconds=5,
        redis=redis,
    )
