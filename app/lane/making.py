"""Turns settings into a lane."""

from app.challenging import make_challenge
from app.lane.application import LaneApplication, LaneParts
from app.lane.door import ClaimDoor
from app.redis_clients import make_loop_redis
from app.wiring import make_limits, make_ports
from config.settings import Settings
from flash_sale.entry import Doorman
from flash_sale.gate import AsyncGate, Gate
from flash_sale.lane.desk import CONNECTIONS, LaneDesk
from kit.database_clock import DatabaseClock


def make_lane(settings: Settings) -> LaneApplication:
    """Return the lane of one process; nobody is asked yet."""
    ports = make_ports(settings, connections=CONNECTIONS, name="tuanka-lane", by_index=True)
    # One of its own, which the event loop reads without ever asking the database.
    clock = DatabaseClock(ports.begin)
    desk = LaneDesk(
        ports.begin, AsyncGate(make_loop_redis(settings)), Gate(ports.gate_redis), clock
    )
    doorman = Doorman(make_challenge(settings, ports.purchase_key), settings.challenge_from_score)
    door = ClaimDoor(ports, desk, doorman, make_limits(settings), clock=clock)
    parts = LaneParts(
        ports=ports,
        desk=desk,
        door=door,
        metrics_key=settings.secrets.metrics_key.get_secret_value(),
        trusted_proxies=settings.trusted_proxies,
    )
    return LaneApplication(parts)
