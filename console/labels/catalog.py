"""Names of what products and SKUs are."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l

CATALOG_LABELS: Final[dict[str, dict[str, Any]]] = {
    "product": {
        "draft": _l("未上架"),
        "published": _l("已上架"),
        "withdrawn": _l("已下架"),
    },
    "scenario": {
        "gaming": _l("游戏"),
        "video": _l("影音"),
        "shopping": _l("购物"),
        "work": _l("办公"),
        "home": _l("居家"),
        "local_life": _l("本地生活"),
    },
    "sku_kind": {"card_code": _l("卡密")},
    "refund_rule": {
        "until_revealed": _l("查看卡密前可退"),
        "until_redeemed": _l("核销前可退"),
        "never": _l("发卡后不可退"),
    },
}
