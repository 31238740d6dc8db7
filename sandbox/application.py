"""The Flask application of the sandbox: every platform's routes, control, and the log of requests.

A platform is a package `sandbox/<platform>/` with `routes.create_blueprint(peer) -> Blueprint`.
The blueprint is registered without a prefix: it holds the platform's own paths
(`/alipay/gateway.do`) and its control paths (`/sandbox/alipay/…`). At creation it may add tables
(`peer.store.ensure_schema`), settings (`peer.settings.declare`), its notice channel
(`peer.notices.register`) and its books (`peer.books.register`). Calls go through
`sandbox.calls.serve_call`, so that faults and the log work the same for all.
"""

from pathlib import Path

from flask import Flask, Response, g, request

from sandbox import control
from sandbox.alipay import routes as alipay
from sandbox.peer import Peer, make_peer
from sandbox.requests_log import masked_path
from sandbox.tencent_captcha import routes as tencent_captcha
from sandbox.wechat import routes as wechat
from sandbox.wechat_pay import routes as wechat_pay
from sandbox.wecom import routes as wecom

MAX_BODY_BYTES = 1_000_000


def create_application(
    directory: Path, port: int = 9100, notice_scale: float | None = None
) -> Flask:
    """The application and its peer, kept at `application.extensions["peer"]`; nothing runs yet."""
    peer = make_peer(directory, port, notice_scale)
    application = Flask("sandbox", static_folder=None)
    application.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    application.extensions["peer"] = peer
    for platform in (wechat, wechat_pay, alipay, wecom, tencent_captcha):
        application.register_blueprint(platform.create_blueprint(peer))
    application.register_blueprint(control.create_blueprint(peer))
    application.after_request(lambda response: _log(peer, response))
    return application


def _log(peer: Peer, response: Response) -> Response:
    """One line for each request to a platform; control and health are left out."""
    if not request.path.startswith(("/sandbox/", "/healthz")):
        peer.log.add(
            at=peer.clock.real_now().isoformat(),
            target=g.get("target"),
            method=request.method,
            path=masked_path(request.path, request.query_string.decode("latin-1")),
            status=response.status_code,
            note=g.get("note"),
        )
    return response
