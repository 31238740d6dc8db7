"""The same gate behind Flask: a token is checked as the product does, then one script is run.

gunicorn serves it with gevent, which lets a worker wait for many answers of Redis at once. What is
let through is told so at once; nothing is written to a database.
"""

import os
from typing import Final
from uuid import UUID

from flask import Flask, Response, jsonify, request
from redis import Redis

from flash_sale import tokens
from flash_sale.gate import Gate
from flash_sale.gate_wire import GateClaim, Verdict
from kit.clock import utc_now

REDIS: Final = "BENCH_GATE_URL"
KEY: Final = "BENCH_PURCHASE_KEY"


def make_app() -> Flask:
    """Return the application for a worker of gunicorn."""
    gate = Gate(Redis.from_url(os.environ[REDIS]))
    key = bytes.fromhex(os.environ[KEY])
    app = Flask("behind_flask", static_folder=None)

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    @app.post("/v1/campaigns/<uuid:campaign_id>/claims")
    def claim(campaign_id: UUID) -> tuple[Response, int]:
        bearer = request.headers["Authorization"].removeprefix("Bearer ")
        token = tokens.read(bearer, key=key, now=utc_now())
        quantity = request.get_json()["quantity"]
        one = GateClaim(token.member_id, request.headers["Idempotency-Key"], quantity)
        verdict = gate.admit(campaign_id, [one])[0]
        status = 201 if verdict is Verdict.ADMITTED else 409
        return jsonify(verdict=verdict.name.lower()), status

    return app
