"""The application over memory platforms and a real database, and people who use it over HTTP."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from apiflask import APIFlask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from app.factory import create_app
from app.options import WebOptions
from kit.crypto import new_key
from kit.db import Begin
from kit.ids import new_id
from kit.money import Fen
from kit.ratelimit import RateLimiter
from miniprogram_api.limits import Limits
from shop.cards.vault import Vault
from shop.catalog.models import (
    Product,
    ProductStatus,
    RefundRule,
    SaleChannel,
    Scenario,
    Sku,
    SkuKind,
)
from shop.chat_groups.robot_keys import RobotKeys
from shop.members.phones import PhoneBook
from shop.members.platforms import Platform
from shop.outreach.gateway import Channels
from shop.payments.gateway import Channel
from shop.ports import Heard, Ports
from shop.posters.cache import PosterCache
from shop.posters.makers import CodeKind
from tests.doubles import pushes
from tests.factories.referrals import TERMS
from tests.factories.transfers import MemoryTransfers
from tests.miniprogram_api.cards import import_codes
from tests.miniprogram_api.platforms import (
    GENUINE,
    MemoryCheck,
    MemoryDesk,
    MemoryGateway,
    MemoryIdentities,
    MemoryMaker,
)

GENEROUS = Limits(
    reads_per_minute=100_000,
    writes_per_minute=100_000,
    sign_ins_per_minute=100_000,
    reveals_per_minute=100_000,
)
COST_FEN = 7_070_707_077  # so odd that it is found wherever it leaks
METRICS_KEY = "metrics-key-of-this-test"
ON_SALE_EVERYWHERE = {channel.value: True for channel in SaleChannel}


@dataclass
class Person:
    """Somebody with a token (or none) who sends requests."""

    client: FlaskClient
    token: str | None = None
    id: str = ""

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        """Send a request as this person; `key` is its idempotency key."""
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        key = more.pop("key", None)
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.open(path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        """Read."""
        return self.send("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> TestResponse:
        """Write."""
        if json is not None:
            more["json"] = json
        return self.send("POST", path, **more)

    def order(self, sku_id: UUID | str, quantity: int = 1) -> dict[str, Any]:
        """Place an order of one line and return it."""
        answer = self.post(
            "/v1/orders",
            {"lines": [{"sku_id": str(sku_id), "quantity": quantity}]},
            key=uuid4().hex,
        )
        assert answer.status_code == 201, answer.get_json()
        placed: dict[str, Any] = answer.get_json()["order"]
        return placed


@dataclass
class World:
    """Everything a test of the door needs."""

    begin: Begin
    redis: "Redis"
    now: datetime
    limits: Limits = GENEROUS
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path("/dev/null/posters")  # where nothing can be kept, unless a test says where

    def __post_init__(self) -> None:
        """Build the ports and the application."""
        self.gateways = {channel: MemoryGateway(channel) for channel in Channel}
        self.transfers = {channel: MemoryTransfers(channel) for channel in Channel}
        self.identities = {platform: MemoryIdentities(platform) for platform in Platform}
        self.checks = {platform: MemoryCheck() for platform in Platform}
        self.group_door = pushes.MemoryGroupDoor()
        self.images = pushes.MemoryImages()
        self.images_by_platform = {Platform.WECHAT: self.images}
        self.directory = pushes.MemoryDirectory()
        self.vault = Vault({"v1": new_key()}, current="v1", index_key=new_key())
        self.ports = Ports(
            begin=self.begin,
            clock=lambda: self.now,
            redis=self.redis,
            gate_redis=self.redis,
            limiter=RateLimiter(self.redis, prefix=f"test-{uuid4().hex}"),
            gateways=self.gateways,
            transfers=self.transfers,
            identity_platforms=self.identities,
            shipping_desk=MemoryDesk(),
            channels=Channels(),
            content_checks=self.checks,
            code_makers={kind: MemoryMaker(kind) for kind in CodeKind},
            posters=PosterCache(self.folder),
            vault=self.vault,
            phone_book=PhoneBook(key=new_key(), hash_key=new_key()),
            token_hash_key=new_key(),
            payer_hash_key=new_key(),
            device_hash_key=new_key(),
            robot_keys=RobotKeys(key=new_key(), hash_key=new_key()),
            purchase_key=new_key(),
            pay_within=timedelta(minutes=15),
            public_base_url="https://shop.example",
            withdrawal_terms=TERMS,
            fee_basis_points=60,
            heard=Heard(
                group_doors={Platform.WECHAT: self.group_door},
                image_checks=self.images_by_platform,
                group_directory=self.directory,
                wechat_messages=pushes.messages(pushes.APP_ID),
                wecom_messages=pushes.messages(pushes.CORP_ID),
            ),
        )
        self.app: APIFlask = create_app(
            self.ports,
            WebOptions(metrics_key=METRICS_KEY, limits=self.limits, **self.options),
        )

    def visitor(self) -> Person:
        """Return somebody who is not signed in."""
        return Person(self.app.test_client())

    def member(self, open_id: str = "", platform: Platform = Platform.WECHAT) -> Person:
        """Return somebody who has just signed in; the same open id is the same member."""
        person = self.visitor()
        open_id = open_id or f"open-{uuid4().hex}"
        answer = person.post(
            "/v1/sign-in", {"platform": platform.value, "code": f"{open_id}:{uuid4().hex}"}
        )
        assert answer.status_code == 200, answer.get_json()
        person.token = answer.get_json()["token"]
        person.id = answer.get_json()["member"]["id"]
        return person

    def make_sku(
        self,
        *,
        stock: int = 3,
        price_fen: int = 1000,
        status: ProductStatus = ProductStatus.PUBLISHED,
        on_sale: dict[str, bool] | None = None,
        refund_rule: RefundRule = RefundRule.UNTIL_REVEALED,
        **limits: int,
    ) -> UUID:
        """Put a product with one SKU and `stock` fresh codes on sale, and return the SKU's id."""
        with self.begin() as session:
            product = Product(
                id=new_id(),
                status=status,
                title="游戏点卡",
                brand="Brand",
                scenario=Scenario.GAMING,
                pictures=["https://img.example/1.png"],
                purchase_notes="请在有效期内使用",
                created_at=self.now,
            )
            session.add(product)
            session.flush()
            sku = Sku(
                id=new_id(),
                product_id=product.id,
                kind=SkuKind.CARD_CODE,
                code=uuid4().hex,
                title="10 元",
                face_value_fen=Fen(1000),
                list_price_fen=Fen(price_fen),
                cost_fen=Fen(COST_FEN),
                refund_rule=refund_rule,
                on_sale=ON_SALE_EVERYWHERE if on_sale is None else on_sale,
                created_at=self.now,
                **limits,
            )
            session.add(sku)
            session.flush()
            sku_id = sku.id
        import_codes(self.begin, self.vault, sku_id, stock, now=self.now)
        return sku_id

    def pay(self, person: Person, order: dict[str, Any], **told: Any) -> TestResponse:
        """Start a WeChat payment of the order and have the platform tell that it is paid."""
        answer = person.post(
            f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key=uuid4().hex
        )
        assert answer.status_code == 201, answer.get_json()
        number = answer.get_json()["params"]["package"].removeprefix("prepay_id=")
        return self.tell({"out_trade_no": number, **told})

    def tell(
        self, body: dict[str, Any], *, platform: str = "wechat-pay", signature: str = GENUINE
    ) -> TestResponse:
        """Send a notice."""
        return self.app.test_client().post(
            f"/callbacks/{platform}", json=body, headers={"X-Signature": signature}
        )

    def bought(self, person: Person, sku_id: UUID, quantity: int = 1) -> dict[str, Any]:
        """Have the person order and pay, and return the order as they see it then."""
        order = person.order(sku_id, quantity)
        assert self.pay(person, order).status_code == 204
        read: dict[str, Any] = person.get(f"/v1/orders/{order['id']}").get_json()
        assert read["status"] == "fulfilled", read
        return read
