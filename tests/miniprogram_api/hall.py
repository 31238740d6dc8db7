"""A world with leaders in it, who open order sheets over HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from werkzeug.test import TestResponse

from app.reactions import REACTIONS
from kit.outbox import relay
from shop.members import leaders
from tests.miniprogram_api.world import Person, World

LASTS = timedelta(hours=2)
BAND = {"help_sell_min_fen": 800, "help_sell_max_fen": 1200}


@dataclass
class Hall:
    """A world with leaders in it."""

    world: World

    def leader(self, nickname: str | None = "团长小王") -> Person:
        """Return a member whom an operator approved."""
        person = self.person(nickname)
        with self.world.begin() as session:
            leaders.approve_leader(session, UUID(person.id), now=self.world.now)
        return person

    def person(self, nickname: str | None = None) -> Person:
        """Return a member with a nickname."""
        person = self.world.member()
        if nickname is not None:
            answer = person.send("PATCH", "/v1/me", json={"nickname": nickname})
            assert answer.status_code == 200, answer.get_json()
        return person

    def body(self, *offers: tuple[UUID, int], **more: Any) -> dict[str, Any]:
        """Return what a leader sends to open a sheet."""
        return {
            "title": "周末点卡接龙",
            "ends_at": (self.world.now + LASTS).isoformat(),
            "items": [
                {"sku_id": str(sku_id), "price_fen": price}
                for sku_id, price in offers or ((self.world.make_sku(stock=5, **BAND), 900),)
            ],
            **more,
        }

    def open(self, leader: Person, *offers: tuple[UUID, int], **more: Any) -> dict[str, Any]:
        """Open a sheet and return it."""
        answer = leader.post("/v1/sheets", self.body(*offers, **more), key=uuid4().hex)
        assert answer.status_code == 201, answer.get_json()
        sheet: dict[str, Any] = answer.get_json()["sheet"]
        return sheet

    def order(
        self, person: Person, sheet: dict[str, Any], quantity: int = 1, key: str = ""
    ) -> TestResponse:
        """Order units of the sheet's first SKU."""
        lines = [{"sku_id": sheet["items"][0]["sku_id"], "quantity": quantity}]
        path = f"/v1/sheets/{sheet['id']}/orders"
        return person.post(path, {"lines": lines}, key=key or uuid4().hex)

    def bought(self, person: Person, sheet: dict[str, Any], quantity: int = 1) -> dict[str, Any]:
        """Order, pay, and have the news brought; return what ordering answered."""
        answer = self.order(person, sheet, quantity)
        assert answer.status_code == 201, answer.get_json()
        ordered: dict[str, Any] = answer.get_json()
        assert self.world.pay(person, ordered["order"]).status_code == 204
        self.relay()
        return ordered

    def relay(self) -> None:
        """Bring waiting events to their handlers."""
        relay(self.world.begin, REACTIONS, now=self.world.now)

    def see(self, sheet: dict[str, Any]) -> dict[str, Any]:
        """Return the sheet as a visitor sees it."""
        answer = self.world.visitor().get(f"/v1/sheets/{sheet['id']}")
        assert answer.status_code == 200, answer.get_json()
        seen: dict[str, Any] = answer.get_json()
        return seen


def code_of(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.get_json()["code"]
