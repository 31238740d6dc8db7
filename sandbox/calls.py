"""How a fault acts on one call: without acting, after acting, twice, late or with a lie."""

import time
from collections.abc import Callable, Mapping

from flask import Response, g

from sandbox.faults import Fault
from sandbox.peer import Peer

Act = Callable[[Fault | None], Response]
Refuse = Callable[[Fault], Response]


def serve_call(
    peer: Peer, target: str, subject: Mapping[str, str], *, act: Act, refuse: Refuse
) -> Response:
    """Answer one call to a platform.

    `act` does the work and builds the answer; it is handed the fault only when the fault changes
    the answer itself (`wrong_amount`, `bad_signature`). `refuse` builds the platform's own form of
    an error from `fault.code` and `fault.status`. `subject` is what `match` of a fault looks at.
    """
    g.target = target
    fault = peer.faults.take(target, subject)
    if fault is None:
        response = act(None)
    else:
        note(f"fault {fault.kind}")
        response = _troubled(peer, fault, act, refuse)
    peer.faults.passed(target)
    return response


def note(text: str) -> None:
    """Add a remark to this request's line in `GET /sandbox/log`."""
    g.note = f"{g.note}; {text}" if g.get("note") else text


def gateway_timeout() -> Response:
    """What a client sees when no answer came: a proxy's 504, no platform headers."""
    return Response("<html><h1>504 Gateway Time-out</h1></html>", 504, content_type="text/html")


def _troubled(peer: Peer, fault: Fault, act: Act, refuse: Refuse) -> Response:
    """Before acting: drop, error, reorder, duplicate; after it: delay and a lost answer."""
    if fault.kind == "drop":
        return gateway_timeout()
    if fault.kind == "error":
        return refuse(fault)
    if fault.kind == "reorder":
        peer.faults.wait_for_next(fault.target, fault.delay_seconds)
    if fault.kind == "duplicate":
        for _ in range(int(fault.count) - 1):
            act(None)
    response = act(fault if fault.kind in {"wrong_amount", "bad_signature"} else None)
    if fault.kind in {"delay", "timeout_after_acting"}:
        time.sleep(fault.delay_seconds)
    return gateway_timeout() if fault.kind == "timeout_after_acting" else response
