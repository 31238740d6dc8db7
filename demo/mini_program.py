"""The mini-program on one member's phone: what it can ask of the shop."""

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from demo.wire import Answer, Wire

MOST_TRIES: Final = 12

OnTrouble = Callable[[str, Answer], None]


class MiniProgram:
    """A client that asks again, under the same key, when the shop is busy or does not answer."""

    def __init__(self, wire: Wire, platform: str, on_trouble: OnTrouble) -> None:
        """Nobody is signed in yet; `on_trouble` hears of each answer that was no answer."""
        self._wire = wire
        self._on_trouble = on_trouble
        self.platform = platform
        self.token = ""

    def sign_in(self, code: str) -> Answer:
        """Exchange the platform's code for a token and keep it."""
        answer = self._ask("POST", "/v1/sign-in", {"platform": self.platform, "code": code})
        self.token = str(answer.body.get("token", ""))
        return answer

    def consent(self) -> None:
        """Agree to the terms and the privacy statement."""
        for document in ("terms", "privacy"):
            self._ask("POST", "/v1/me/consents", {"document": document, "version": "1.0"})

    def rename(self, nickname: str) -> Answer:
        """Choose a name."""
        return self._ask("PATCH", "/v1/me", {"nickname": nickname})

    def link_phone(self, given: dict[str, str], *, join: bool) -> Answer:
        """Link the number that the platform vouches for."""
        return self._ask("POST", "/v1/me/phone", {**given, "join": join})

    def me(self) -> Answer:
        """See my profile."""
        return self._ask("GET", "/v1/me")

    def export(self) -> Answer:
        """Export my data."""
        return self._ask("POST", "/v1/me/export")

    def leave(self) -> Answer:
        """Delete my account."""
        return self._ask("DELETE", "/v1/me?give_up_cards=true")

    def browse(self) -> list[dict[str, Any]]:
        """See the first page, then every product, and return the products."""
        self._ask("GET", "/v1/home")
        products: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self._ask("GET", f"/v1/products?limit=50{cursor}")
            products += answer.body.get("items", [])
            if not answer.body.get("next_cursor"):
                return products
            cursor = f"&cursor={answer.body['next_cursor']}"

    def product(self, product_id: str) -> Answer:
        """See a product."""
        return self._ask("GET", f"/v1/products/{product_id}")

    def place(self, lines: list[dict[str, Any]], *, key: str | None = None) -> Answer:
        """Place an order."""
        return self._ask("POST", "/v1/orders", {"lines": lines}, key=key or new_key())

    def order(self, order_id: str, *, wait: int = 0) -> Answer:
        """See an order, waiting a little for it to change."""
        return self._ask("GET", f"/v1/orders/{order_id}" + (f"?wait={wait}" if wait else ""))

    def pay(self, order_id: str, channel: str) -> Answer:
        """Open a trade at a platform."""
        path = f"/v1/orders/{order_id}/payments"
        return self._ask("POST", path, {"channel": channel}, key=new_key())

    def cancel(self, order_id: str) -> Answer:
        """Cancel an order."""
        return self._ask("POST", f"/v1/orders/{order_id}/cancel")

    def refund(self, order_id: str, **what: Any) -> Answer:
        """Ask for money back: all, or `quantity` units of `line_id`."""
        return self._ask("POST", f"/v1/orders/{order_id}/refunds", what, key=new_key())

    def cards(self, order_id: str) -> list[dict[str, Any]]:
        """List the cards of an order, which come without their codes."""
        answer = self._ask("GET", f"/v1/cards?limit=100&order_id={order_id}")
        items: list[dict[str, Any]] = answer.body.get("items", [])
        return items

    def reveal(self, card_id: str) -> Answer:
        """Look at a code."""
        return self._ask("POST", f"/v1/cards/{card_id}/reveal")

    def campaign(self, campaign_id: str) -> Answer:
        """See a campaign."""
        return self._ask("GET", f"/v1/campaigns/{campaign_id}")

    def open_group(self, campaign_id: str, *, may_move: bool = False) -> Answer:
        """Open a group and take its first seat."""
        path = f"/v1/campaigns/{campaign_id}/groups"
        return self._ask("POST", path, {"may_move": may_move}, key=new_key())

    def group(self, group_id: str) -> Answer:
        """See a group."""
        return self._ask("GET", f"/v1/groups/{group_id}")

    def join_group(self, group_id: str, *, may_move: bool = False) -> Answer:
        """Take a seat in a group."""
        path = f"/v1/groups/{group_id}/seats"
        return self._ask("POST", path, {"may_move": may_move}, key=new_key())

    def seats(self, group_id: str) -> list[dict[str, Any]]:
        """List my seats in a group."""
        answer = self._ask("GET", f"/v1/groups/{group_id}/seats/mine")
        items: list[dict[str, Any]] = answer.body.get("items", [])
        return items

    def leave_group(self, group_id: str) -> Answer:
        """Give my seats in a group up."""
        return self._ask("DELETE", f"/v1/groups/{group_id}/seats/mine")

    def open_sheet(self, plan: dict[str, Any]) -> Answer:
        """Open an order sheet, as a leader."""
        return self._ask("POST", "/v1/sheets", plan, key=new_key())

    def sheet(self, sheet_id: str) -> Answer:
        """See an order sheet and its list."""
        return self._ask("GET", f"/v1/sheets/{sheet_id}")

    def order_from(self, sheet_id: str, lines: list[dict[str, Any]]) -> Answer:
        """Order from a sheet."""
        path = f"/v1/sheets/{sheet_id}/orders"
        return self._ask("POST", path, {"lines": lines}, key=new_key())

    def decide_sheet(self, sheet_id: str, how: str) -> Answer:
        """Close my order sheet, or cancel it."""
        return self._ask("POST", f"/v1/sheets/{sheet_id}/{how}")

    def invite(self) -> Answer:
        """Get my invite to everything."""
        return self._ask("POST", "/v1/invites", {})

    def open_invite(self, code: str) -> Answer:
        """Come by somebody's invite."""
        return self._ask("POST", f"/v1/invites/{code}/open")

    def standing(self) -> Answer:
        """See how I stand as a leader."""
        return self._ask("GET", "/v1/leader")

    def earnings(self) -> Answer:
        """See my sums and the newest lines of my statement."""
        return self._ask("GET", "/v1/earnings?limit=100")

    def statement(self) -> list[dict[str, Any]]:
        """Return every line of my statement."""
        entries: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self._ask("GET", f"/v1/earnings?limit=100{cursor}")
            entries += answer.body.get("items", [])
            if not answer.body.get("next_cursor"):
                return entries
            cursor = f"&cursor={answer.body['next_cursor']}"

    def withdraw(self, amount_fen: int, channel: str) -> Answer:
        """Withdraw what is payable to me."""
        body = {"amount_fen": amount_fen, "channel": channel}
        return self._ask("POST", "/v1/withdrawals", body, key=new_key())

    def withdrawal(self, withdrawal_id: str) -> Answer:
        """See a withdrawal of mine."""
        return self._ask("GET", f"/v1/withdrawals/{withdrawal_id}")

    def withdrawals(self) -> Answer:
        """List my withdrawals."""
        return self._ask("GET", "/v1/withdrawals?limit=100")

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        for _ in range(MOST_TRIES):
            answer = self._wire.ask(method, path, body=body, headers=headers)
            if not answer.is_busy:
                break
            self._on_trouble(f"{method} {path.partition('?')[0]}", answer)
            time.sleep(answer.wait_seconds)
        return answer


def new_key() -> str:
    """Return a fresh idempotency key."""
    return uuid4().hex
