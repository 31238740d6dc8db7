"""Figures for operations: requests by route, refusals by code, in Prometheus' text form."""

import os
from typing import Final

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
# Several processes serve the web; they share their figures through files in this directory.
SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"

REQUESTS: Final = Counter(
    "http_requests", "Requests answered, by method, route and status", ["method", "route", "status"]
)
SECONDS: Final = Histogram(
    "http_request_seconds",
    "Time to answer, by route",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFUSALS: Final = Counter("refusals", "Problems answered, by code", ["code"])
NOTICES_REJECTED: Final = Counter(
    "notices_rejected",
    "Notices that were not authentic, by channel and reason",
    ["channel", "reason"],
)


def count_rejected_notice(channel: str, reason: str) -> None:
    """Count a notice that nobody can have sent whom we trust."""
    NOTICES_REJECTED.labels(channel, reason).inc()


def render() -> bytes:
    """Return the figures of all web processes, or of this one when none are shared."""
    if not os.environ.get(SHARED_DIRECTORY):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    # The library has no types here.
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
