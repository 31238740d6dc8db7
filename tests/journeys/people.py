"""People of the journeys: what a member, the platforms' user and the operator do over HTTP."""

import json
import secrets
import string
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import Any, Final, TypeVar
from uuid import uuid4

import requests

from kit.clock import monotonic_seconds
from tests.running_shop import RunningShop

CHANNELS: Final = {"wechat": "wechat_pay", "alipay": "alipay"}
PATHS: Final = {"wechat_pay": "wechat-pay", "alipay": "alipay"}
NOTICES: Final = {"wechat_pay": "wechat_pay.notice", "alipay": "alipay.notice"}
OPENINGS: Final = {"wechat_pay": "wechat_pay.order", "alipay": "alipay.trade_create"}
CLOSINGS: Final = {
    "wechat_pay": ("wechat_pay.close", "ORDER_CLOSED"),
    "alipay": ("alipay.trade_close", "ACQ.TRADE_HAS_CLOSE"),
}
REFUNDS: Final = {"wechat_pay": "wechat_pay.refund", "alipay": "alipay.refund"}
_LETTERS: Final = string.ascii_letters + string.digits

Json = dict[str, Any]
Seen = TypeVar("Seen")


def eventually(look: Callable[[], Seen], *, within_seconds: float = 20.0, what: str = "") -> Seen:
    """Return the first true thing that `look` sees."""
    until = monotonic_seconds() + within_seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert monotonic_seconds() < until, f"{what or look}: not within {within_seconds:.0f} s"
        sleep(0.2)  # a member may read ten times a second at most


class Person:
    """A member with the mini-program of one platform."""

    def __init__(self, shop: RunningShop, platform: str, *, union_id: str | None = None) -> None:
        """Sign in for the first time."""
        self.shop = shop
        self.platform = platform
        length = {"wechat": 27, "alipay": 46}[platform]
        first = {"wechat": "o", "alipay": "0"}[platform]
        self.open_id = first + "".join(secrets.choice(_LETTERS) for _ in range(length))
        self.union_id = union_id
        self.token = ""
        self.sign_in()

    @property
    def channel(self) -> str:
        """Return the payment channel of the platform."""
        return CHANNELS[self.platform]

    def sign_in(self) -> Json:
        """Sign in; the new token is used from now on."""
        answer = sign_in(self.shop, self.platform, sign_in_code(self))
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["token"]
        member: Json = answer.json()["member"]
        return member

    def ask(self, method: str, path: str, body: Json | None = None, **more: Any) -> Any:
        """Send a request with the token, and an Idempotency-Key for a POST."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        if method == "POST":
            headers["Idempotency-Key"] = more.pop("key", None) or uuid4().hex
        return self.shop.request(method, f"/v1{path}", json=body, headers=headers, **more)

    def ask_aside(self, method: str, path: str, body: Json) -> "Future[Any]":
        """Send a request whose answer is waited for later."""
        pool = ThreadPoolExecutor(1)
        answer = pool.submit(self.ask, method, path, body)
        pool.shutdown(wait=False)
        return answer

    def get(self, path: str) -> Json:
        """Read something that is there."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        read: Json = answer.json()
        return read

    def place(self, *lines: tuple[str, int]) -> Json:
        """Place an order of these SKUs and quantities."""
        answer = self.ask("POST", "/orders", order_body(*lines))
        assert answer.status_code == 201, answer.text
        order: Json = answer.json()["order"]
        return order

    def open_trade(self, order: Json, channel: str | None = None, **more: Any) -> Json:
        """Go to the cashier and return what the client library takes."""
        body = {"channel": channel or self.channel}
        answer = self.ask("POST", f"/orders/{order['id']}/payments", body, **more)
        assert answer.status_code == 201, answer.text
        params: Json = answer.json()["params"]
        return params

    def pay(self, order: Json, channel: str | None = None) -> Json:
        """Go to the cashier and pay; return what the platform says."""
        params = self.open_trade(order, channel)
        answer = confirm(self.shop, channel or self.channel, params)
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()
        return told

    def order(self, order: Json, *, wait: int = 0) -> Json:
        """See the order as it is now."""
        return self.get(f"/orders/{order['id']}?wait={wait}")

    def await_status(self, order: Json, *statuses: str, within_seconds: float = 20.0) -> Json:
        """Return the order once it has one of the statuses."""

        def look() -> Json | None:
            seen = self.order(order)
            return seen if seen["status"] in statuses else None

        return eventually(look, within_seconds=within_seconds, what=f"order is {statuses}") or {}

    def await_refunds(self, order: Json, *statuses: str) -> Json:
        """Return the order once it has refunds and all of them have one of the statuses."""

        def look() -> Json | None:
            seen = self.order(order)
            states = [refund["status"] for refund in seen["refunds"]]
            return seen if states and set(states) <= set(statuses) else None

        return eventually(look, what=f"refunds are {statuses}") or {}

    def buy(self, *lines: tuple[str, int]) -> Json:
        """Order, pay, and return the order when it is delivered."""
        order = self.place(*lines)
        self.pay(order)
        return self.await_status(order, "fulfilled")

    def cards(self, order: Json) -> list[Json]:
        """List the cards of an order."""
        items: list[Json] = self.get(f"/cards?order_id={order['id']}")["items"]
        return items

    def reveal(self, card: Json) -> requests.Response:
        """Look at a code."""
        answer: requests.Response = self.ask("POST", f"/cards/{card['id']}/reveal")
        return answer

    def trade(self) -> Json:
        """Return this payer's newest trade in the platform's books."""
        return trades_of(self, self.channel)[-1]


def order_body(*lines: tuple[str, int]) -> Json:
    """Return what `POST /v1/orders` takes."""
    return {"lines": [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]}


def sign_in_code(person: Person) -> str:
    """Return what `wx.login` or `my.getAuthCode` gives this person."""
    names = {"wechat": ("openid", "unionid"), "alipay": ("open_id", "union_id")}[person.platform]
    body = dict(zip(names, (person.open_id, person.union_id), strict=True))
    code: str = person.shop.sandbox.post(f"{person.platform}/codes", body)["code"]
    return code


def sign_in(shop: RunningShop, platform: str, code: str, **more: str) -> requests.Response:
    """Hand the code to the shop."""
    return shop.request("POST", "/v1/sign-in", json={"platform": platform, "code": code, **more})


def phone_given(person: Person, phone: str) -> Json:
    """Return what the phone button gives, as the shop takes it."""
    if person.platform == "wechat":
        body = {"phone": phone, "openid": person.open_id}
        return {"code": person.shop.sandbox.post("wechat/phone-codes", body)["code"]}
    blob = person.shop.sandbox.post("alipay/phone-blobs", {"phone": phone})
    return {"credential": json.dumps(blob)}


def join_by_phone(first: Person, second: Person) -> None:
    """Make one member of the two: both have the same phone number."""
    phone = f"138{secrets.randbelow(10**8):08d}"
    for person, join in ((first, False), (second, True)):
        body = {**phone_given(person, phone), "join": join}
        answer = person.ask("POST", "/me/phone", body)
        assert answer.status_code == 200, answer.text


def confirm(shop: RunningShop, channel: str, params: Json) -> requests.Response:
    """Press "pay" at the cashier."""
    if channel == "wechat_pay":
        body = {"prepay_id": params["package"].removeprefix("prepay_id=")}
    else:
        body = {"trade_no": params["tradeNO"]}
    return requests.post(f"{shop.sandbox.url}/sandbox/{PATHS[channel]}/pay", json=body, timeout=10)


def trades_of(person: Person, channel: str) -> list[Json]:
    """Return a payer's trades in the platform's books, oldest first."""
    orders = person.shop.sandbox.get("books")[channel]["orders"]
    return [row for row in orders if row["payer"] == person.open_id]


def refunds_of(shop: RunningShop, channel: str, out_trade_no: str) -> list[Json]:
    """Return the refunds of a trade in the platform's books."""
    rows = shop.sandbox.get("books")[channel]["refunds"]
    return [row for row in rows if row["out_trade_no"] == out_trade_no]


def notices_of(shop: RunningShop, out_trade_no: str, target: str) -> list[Json]:
    """Return the notices about a trade, with their attempts."""
    path = f"notices?out_trade_no={out_trade_no}&target={target}"
    items: list[Json] = shop.sandbox.get(path)["items"]
    return items


def trouble(shop: RunningShop, target: str, kind: str, **more: Any) -> None:
    """Order trouble at a platform."""
    shop.sandbox.post("faults", {"target": target, "kind": kind, **more})


def believe_closed(person: Person) -> None:
    """Have the platform say of this payer's open trade that it is closed already."""
    target, code = CLOSINGS[person.channel]
    match = {"out_trade_no": person.trade()["out_trade_no"]}
    trouble(person.shop, target, "error", code=code, match=match)


def no_more_trouble(shop: RunningShop) -> None:
    """Take back all trouble that was ordered."""
    requests.delete(f"{shop.sandbox.url}/sandbox/faults", timeout=10)


def forge(shop: RunningShop, channel: str, body: Json) -> int:
    """Have a false notice sent; return the status that the shop answered with."""
    status: int = shop.sandbox.post(f"{PATHS[channel]}/forge", body)["status"]
    return status
