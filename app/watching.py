"""Live numbers of a flash sale, kept for a second: any number may watch at the cost of one."""

import dataclasses
import json
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from redis.exceptions import RedisError

from flash_sale import queries
from flash_sale.gate import Gate
from flash_sale.gate_wire import GateCounts, GateUnavailable, GateView
from flash_sale.live import live_numbers, read_standing
from shop.ports import Ports

KEPT_FOR: Final = timedelta(seconds=1)


def watch(ports: Ports, campaign_id: UUID) -> dict[str, Any]:
    """Return the numbers as JSON; raises `CampaignNotFound`."""
    key = f"live:{{{campaign_id}}}"
    try:
        kept = ports.redis.get(key)
    except RedisError:
        kept = None
    if isinstance(kept, bytes):
        numbers: dict[str, Any] = json.loads(kept)
        return numbers
    numbers = _read(ports, campaign_id)
    try:
        ports.redis.set(key, json.dumps(numbers), px=KEPT_FOR)
    except RedisError:
        return numbers  # the next one reads them, too
    return numbers


def _read(ports: Ports, campaign_id: UUID) -> dict[str, Any]:
    with ports.begin() as session:
        standing = read_standing(session, queries.get_sale(session, campaign_id))
    view: GateView | None = None
    counts: GateCounts | None = None
    try:
        gate = Gate(ports.gate_redis)
        view, counts = gate.peek(campaign_id), gate.read_counts(campaign_id)
    except GateUnavailable:
        pass  # what the database knows is shown all the same
    numbers = live_numbers(campaign_id, standing, view=view, counts=counts, now=ports.clock())
    return dataclasses.asdict(numbers)
