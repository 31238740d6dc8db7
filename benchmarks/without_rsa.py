"""Serves the product's web with RSA replaced by constants, to show what RSA costs.

Only the benchmark starts it, over the sandbox told not to ask for signatures; nothing of the
product imports it.
"""

import base64
import importlib
import sys
from typing import Any, Final

from app.machine import web
from config.settings import load_settings

CONSTANT: Final = base64.b64encode(b"without RSA".ljust(256, b".")).decode()
ONLY_AT: Final = "http://127.0.0.1:"


def main() -> None:
    """Serve, but only where the platform is a simulated one of this machine."""
    settings = load_settings()
    if not settings.wechat_pay.base_url.startswith(ONLY_AT):
        sys.exit("this web believes everybody: it is for the sandbox alone")
    build = web._application

    def application() -> Any:
        _replace_rsa()
        return build()

    web._application = application
    web.serve(settings)


def _replace_rsa() -> None:
    """Let WeChat Pay's library and our client of it sign with a constant, and believe any."""
    core, utils, client = (
        importlib.import_module(name)
        for name in ("wechatpayv3.core", "wechatpayv3.utils", "shop.payments.wechat_pay_client")
    )
    for module in (core, utils, client):
        for name, stand_in in (("rsa_sign", _sign), ("rsa_verify", _verify)):
            if hasattr(module, name):
                setattr(module, name, stand_in)


def _sign(*_: object, **__: object) -> str:
    return CONSTANT


def _verify(*_: object, **__: object) -> bool:
    return True


if __name__ == "__main__":
    main()
