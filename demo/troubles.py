"""The trouble that both platforms make all evening, beside what single members meet."""

from collections import Counter
from typing import Any, Final

from demo.platforms import Platforms

# Target, kind, how often of ten thousand, and what else the kind takes.
ALL_EVENING: Final[tuple[tuple[str, str, int, dict[str, Any]], ...]] = (
    *(
        fault
        for target in ("wechat_pay.notice", "alipay.notice", "wechat_pay.refund_notice")
        for fault in (
            (target, "duplicate", 1500, {"count": 3}),
            (target, "delay", 1200, {"delay_seconds": 1.5}),
            (target, "reorder", 1000, {}),
            (target, "drop", 1000, {}),
            (target, "timeout_after_acting", 800, {}),
        )
    ),
    *(
        fault
        for target in ("wechat_pay.order", "alipay.trade_create")
        for fault in (
            (target, "timeout_after_acting", 600, {"delay_seconds": 0.3}),
            (target, "drop", 300, {}),
            (target, "error", 200, {}),
        )
    ),
    *(
        (target, "timeout_after_acting", 2500, {"delay_seconds": 0.3})
        for target in ("wechat_pay.refund", "alipay.refund")
    ),
    *(
        (target, "drop", 1000, {})
        for target in ("wechat_pay.query", "alipay.trade_query", "wechat.shipping")
    ),
    *(
        (target, "timeout_after_acting", 2500, {"delay_seconds": 0.3})
        for target in ("wechat_pay.transfer", "alipay.transfer")
    ),
    *((target, "error", 1000, {}) for target in ("wechat_pay.refund_query", "alipay.refund_query")),
    ("wechat.code2session", "drop", 300, {}),
    ("alipay.oauth_token", "drop", 300, {}),
)


def begin(platforms: Platforms, *, seed: int) -> None:
    """Order it all; the same seed draws the same lots."""
    platforms.order("DELETE", "faults")
    for number, (target, kind, often, more) in enumerate(ALL_EVENING):
        platforms.trouble(
            target, kind, times=None, probability=often / 10_000, seed=seed + number, **more
        )


def end(platforms: Platforms) -> None:
    """No more trouble."""
    platforms.order("DELETE", "faults")


def last_entry(platforms: Platforms) -> int:
    """Return the number of the last line in the log of calls."""
    items = platforms.order("GET", "log")["items"]
    return int(items[-1]["seq"]) if items else 0


def count(calls: list[dict[str, Any]], notices: list[dict[str, Any]]) -> dict[str, int]:
    """Return how often each trouble happened, as "target kind"."""
    met: Counter[str] = Counter()
    for call in calls:
        for note in (call.get("note") or "").split("; "):
            if note.startswith("fault "):
                met[f"{call['target']} {note.removeprefix('fault ')}"] += 1
    for notice in notices:
        met.update(
            f"{notice['target']} {attempt['fault']}"
            for attempt in notice["attempts"]
            if attempt["fault"]
        )
    return dict(sorted(met.items()))
