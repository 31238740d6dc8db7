"""Trouble on demand: which fault meets which call, how often, and with what parameters."""

import json
import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.store import Store

KINDS = frozenset(
    {
        "drop",
        "delay",
        "duplicate",
        "reorder",
        "timeout_after_acting",
        "error",
        "wrong_amount",
        "bad_signature",
    }
)
TARGETS = frozenset(
    {
        "wechat.stable_token",
        "wechat.code2session",
        "wechat.phone",
        "wechat.shipping",
        "wechat.subscribe_message",
        "wechat.content_check",
        "wechat.media_check",
        "wechat.notice",
        "wechat.code",
        "wechat.link",
        "wechat_pay.order",
        "wechat_pay.query",
        "wechat_pay.close",
        "wechat_pay.refund",
        "wechat_pay.refund_query",
        "wechat_pay.notice",
        "wechat_pay.refund_notice",
        "wechat_pay.transfer",
        "wechat_pay.transfer_query",
        "wechat_pay.transfer_cancel",
        "wechat_pay.transfer_notice",
        "wechat_pay.bill",
        "wechat_pay.bill_file",
        "alipay.oauth_token",
        "alipay.trade_create",
        "alipay.trade_query",
        "alipay.trade_close",
        "alipay.refund",
        "alipay.refund_query",
        "alipay.transfer",
        "alipay.transfer_query",
        "alipay.transfer_notice",
        "alipay.notice",
        "alipay.bill",
        "alipay.bill_file",
        "alipay.message",
        "alipay.content_check",
        "wecom.notice",
        "wecom.token",
        "wecom.robot",
        "wecom.media",
        "wecom.task",
        "wecom.task_list",
        "wecom.task_result",
        "wecom.remind",
        "wecom.cancel",
        "wecom.group",
        "tencent_captcha.result",
        "alipay.code",
        "alipay.code_file",
    }
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS faults (fault_id TEXT PRIMARY KEY, spec TEXT NOT NULL, times INTEGER);
"""
DEFAULT_DELAY_SECONDS = 1.0


class BadFault(ValueError):
    """The description of a fault does not fit."""


@dataclass(frozen=True)
class Fault:
    """One fault as ordered; `times` None means until deleted."""

    fault_id: str
    target: str
    kind: str
    times: int | None = 1
    delay_seconds: float = DEFAULT_DELAY_SECONDS
    code: str | None = None
    status: int | None = None
    probability: float = 1.0
    seed: int | None = None
    match: str | dict[str, str] | None = None
    count: int = 2
    delta_fen: int = 1

    def fits(self, target: str, subject: Mapping[str, str]) -> bool:
        """Is this call meant? A text matches any value; an object must match every name."""
        if target != self.target:
            return False
        if isinstance(self.match, str):
            return any(self.match in value for value in subject.values())
        return all(subject.get(name) == value for name, value in (self.match or {}).items())

    def wrong_fen(self, amount_fen: int) -> int:
        """Another amount than the true one, still positive."""
        return max(amount_fen + self.delta_fen, 1)


class FaultRegistry:
    """The faults in force, in the order in which they were set; the first that fits is taken."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._left: dict[str, int | None] = {}
        self._draws: dict[str, random.Random] = {}
        self._passed: dict[str, int] = {}
        self._passing = threading.Condition()
        store.ensure_schema(SCHEMA)
        with store.read() as connection:
            for row in connection.execute("SELECT spec, times FROM faults ORDER BY rowid"):
                self._remember(Fault(**json.loads(row["spec"])), row["times"])

    def add(self, order: Mapping[str, Any]) -> Fault:
        """Set a fault from the JSON of `POST /sandbox/faults`; BadFault when it does not fit."""
        fault = _checked(order)
        with self._lock:
            with self._store.write() as connection:
                connection.execute(
                    "INSERT INTO faults VALUES (?, ?, ?)",
                    (fault.fault_id, json.dumps(asdict(fault)), fault.times),
                )
            self._remember(fault, fault.times)
        return fault

    def clear(self) -> None:
        """No more faults."""
        with self._lock, self._store.write() as connection:
            connection.execute("DELETE FROM faults")
            self._faults.clear()

    def all(self) -> list[dict[str, Any]]:
        """Each fault and how many times it is still due."""
        with self._lock:
            return [asdict(fault) | {"left": self._left[fault.fault_id]} for fault in self._faults]

    def take(self, target: str, subject: Mapping[str, str]) -> Fault | None:
        """The fault that meets this call, one of its times used up, or None."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.fits(target, subject) and self._drawn(fault):
                    self._use_up(fault)
                    return fault
        return None

    def passed(self, target: str) -> None:
        """A call of the target was answered: let go what is held behind it."""
        with self._passing:
            self._passed[target] = self._passed.get(target, 0) + 1
            self._passing.notify_all()

    def wait_for_next(self, target: str, at_most_seconds: float) -> None:
        """Hold until another call of the target was answered."""
        with self._passing:
            before = self._passed.get(target, 0)
            self._passing.wait_for(
                lambda: self._passed.get(target, 0) > before, timeout=at_most_seconds
            )

    def _remember(self, fault: Fault, left: int | None) -> None:
        self._faults.append(fault)
        self._left[fault.fault_id] = left
        self._draws[fault.fault_id] = random.Random(fault.seed)  # noqa: S311 - repeatable by seed

    def _drawn(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._draws[fault.fault_id].random() < fault.probability

    def _use_up(self, fault: Fault) -> None:
        left = self._left[fault.fault_id]
        if left is None:
            return
        left -= 1
        self._left[fault.fault_id] = left
        with self._store.write() as connection:
            if left > 0:
                connection.execute(
                    "UPDATE faults SET times = ? WHERE fault_id = ?", (left, fault.fault_id)
                )
            else:
                connection.execute("DELETE FROM faults WHERE fault_id = ?", (fault.fault_id,))
        if left <= 0:
            self._faults.remove(fault)


SHAPES: dict[str, tuple[type, ...]] = {
    "target": (str,),
    "kind": (str,),
    "times": (int,),
    "delay_seconds": (int, float),
    "code": (str, int),
    "status": (int,),
    "probability": (int, float),
    "seed": (int,),
    "match": (str, dict),
    "count": (int,),
    "delta_fen": (int,),
}
LEAST: dict[str, int] = {
    "times": 1,
    "delay_seconds": 0,
    "probability": 0,
    "count": 1,
    "status": 100,
}


def _checked(order: Mapping[str, Any]) -> Fault:
    """The fault that the order describes; null is as good as absent, but for `times`."""
    given = {name: value for name, value in order.items() if value is not None}
    for name, value in given.items():
        _check_field(name, value)
    if given.get("target") not in TARGETS:
        raise BadFault(f"unknown target {given.get('target')!r}")
    if given.get("kind") not in KINDS:
        raise BadFault(f"unknown kind {given.get('kind')!r}")
    if "code" in given:
        given["code"] = str(given["code"])
    if isinstance(given.get("match"), dict):
        given["match"] = {name: str(value) for name, value in given["match"].items()}
    given["times"] = order.get("times", 1)
    return Fault(fault_id=uuid.uuid4().hex, **given)


def _check_field(name: str, value: Any) -> None:
    if name not in SHAPES:
        raise BadFault(f"unknown field {name!r}")
    fits = isinstance(value, SHAPES[name]) and not isinstance(value, bool)
    if not fits:
        raise BadFault(f"{name} has another form")
    if name in LEAST and value < LEAST[name]:
        raise BadFault(f"{name} must be at least {LEAST[name]}")
