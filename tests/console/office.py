"""Operators in front of the console: signed in, with a form's token, over the world of the door."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kit.crypto import new_token
from kit.ids import new_id
from shop.operators.models import Operator, OperatorSession, OperatorStatus
from shop.operators.rules import LONGEST_STAY
from shop.operators.secret_words import OperatorKeys, new_totp_secret, seal_totp, token_hash
from tests.miniprogram_api.world import World

COOKIE = "console"
ORIGIN = "http://localhost"


@dataclass
class Clerk:
    """Somebody in front of the console."""

    client: FlaskClient
    name: str = ""
    token: str = ""
    secret: str = ""  # that codes are shown of

    def get(self, path: str, **more: Any) -> TestResponse:
        """Look at a page."""
        return self.client.get(f"/console{path}", **more)

    def page(self, path: str) -> str:
        """Return the text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.get_data(as_text=True))
        return answer.get_data(as_text=True)

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form, with its token unless another is given."""
        headers = fields.pop("headers", {})
        if "csrf" not in fields:
            fields["csrf"] = self.csrf()
        return self.client.post(f"/console{path}", data=fields, headers=headers)

    def csrf(self) -> str:
        """Return the token of this session's forms."""
        return hidden(self.page("/account"), "csrf")

    def version(self, path: str) -> str:
        """Return the version that a page's forms carry."""
        return hidden(self.page(path), "version")


class Office:
    """The console and its people."""

    def __init__(self, world: World) -> None:
        self.world = world

    def visitor(self) -> Clerk:
        """Return somebody who is not signed in."""
        return Clerk(self.world.app.test_client())

    def clerk(self, *roles: str, name: str = "") -> Clerk:
        """Return an operator with these roles who is signed in; no password is hashed for it."""
        operator_id, secret = new_id(), new_totp_secret()
        operator = Operator(
            id=operator_id,
            name=name or f"clerk-{new_id().hex[-8:]}",
            status=OperatorStatus.ACTIVE,
            roles=list(roles),
            password_hash="none",
            totp_sealed=seal_totp(secret, operator_id=operator_id, keys=self.keys),
            created_by="tests",
            created_at=self.world.now,
        )
        token = new_token()
        with self.world.begin() as session:
            session.add(operator)
            session.flush()
            session.add(
                OperatorSession(
                    token_hash=token_hash(token, keys=self.keys),
                    operator_id=operator.id,
                    address="127.0.0.1",
                    started_at=self.world.now,
                    seen_at=self.world.now,
                    ends_at=self.world.now + LONGEST_STAY,
                )
            )
        clerk = self.visitor()
        clerk.name, clerk.token, clerk.secret = operator.name, token, secret
        clerk.client.set_cookie(COOKIE, token, path="/console")
        return clerk

    @property
    def keys(self) -> OperatorKeys:
        """Return the keys of this console."""
        return OperatorKeys.of(self.world.ports.token_hash_key)

    def flash_sale(self, clerk: Clerk, **changes: str) -> dict[str, str]:
        """Return the fields of a flash sale that begins in an hour."""
        sku_id = changes.pop("sku_id", "") or str(self.world.make_sku(stock=20, price_fen=2000))
        local = self.world.now + timedelta(hours=9)  # an hour ahead, in Shanghai
        return {
            "kind": "flash_sale",
            "name": "周五秒杀",
            "sku_id": sku_id,
            "deal_price": "9.90",
            "allotment": "10",
            "limit_per_member": "1",
            "pay_within_minutes": "15",
            "audience": "all",
            "starts_at": local.strftime("%Y-%m-%dT%H:%M"),
            "ends_at": (local + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
            "mode": "rush",
            "offer_minutes": "5",
            "shards": "1",
            "early_minutes": "0",
            "early_units": "0",
            "early_orders": "1",
            "rules_text": "每人限购一份",
            "form_key": new_token(),
            **changes,
        }


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match is not None, page
    return match[1]


def with_query(path: str, **choices: str) -> str:
    """Return a list's address with choices."""
    return f"{path}?{urlencode(choices)}"
