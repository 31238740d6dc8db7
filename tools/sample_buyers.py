"""Has members buy in a flash sale of a run that goes on, for pictures of the console."""

import time

from sample_invites import ask, sandbox_address, sign_in

BUYERS = 9
UNPAID = 2  # of them


def buy(base: str, campaign_id: str) -> str:
    """Return the id of an order that was paid, delivered and given back; more were placed."""
    for _ in range(60):  # it opens by the clock
        if ask("GET", f"{base}/v1/campaigns/{campaign_id}", None)["status"] == "live":
            break
        time.sleep(0.5)
    orders = []
    for number in range(BUYERS):
        token = sign_in(base, sandbox_address())
        let_in = ask("POST", f"{base}/v1/campaigns/{campaign_id}/purchase-tokens", {}, token)
        order_id = ask("POST", let_in["claims_url"], {}, let_in["token"])["order"]["id"]
        if number >= UNPAID:
            _pay(base, order_id, token)
        orders.append((order_id, token))
    order_id, token = orders[-1]
    ask("POST", f"{base}/v1/orders/{order_id}/refunds", {}, token)
    return str(order_id)


def _pay(base: str, order_id: str, token: str) -> None:
    """Pay at the simulated platform, and wait until the codes are there."""
    place = f"{base}/v1/orders/{order_id}"
    params = ask("POST", f"{place}/payments", {"channel": "wechat_pay"}, token)["params"]
    prepay_id = params["package"].removeprefix("prepay_id=")
    ask("POST", f"{sandbox_address()}/sandbox/wechat-pay/pay", {"prepay_id": prepay_id})
    for _ in range(10):
        if ask("GET", f"{place}?wait=5", None, token)["status"] == "fulfilled":
            return
