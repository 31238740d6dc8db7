"""A flash sale at the door: put on, opened, claimed from."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from app.sample_campaigns import CampaignSample, MadeCampaign, make_flash_sale
from app.schedule import ALARMS
from kit.money import Fen
from tests.miniprogram_api.world import Person, World


def put_on(world: World, **changes: Any) -> MadeCampaign:
    """Publish a flash sale that opens in a minute."""
    sample: dict[str, Any] = {
        "stock": 3,
        "limit": 1,
        "price_fen": Fen(900),
        "opens_in": timedelta(minutes=1),
        "lasts": timedelta(hours=1),
        "pay_within_seconds": 600,
    }
    made = make_flash_sale(
        world.begin,
        world.vault,
        CampaignSample(**(sample | changes)),
        fee_basis_points=60,
        now=world.now,
    )
    sweep(world)
    return made


def open_doors(world: World) -> None:
    """Let the minute go by; only the clock opens, which the gate hears of when it is filled."""
    world.now += timedelta(minutes=1)
    ring(world, "fill_due_gates")
    for meta in world.redis.scan_iter("gate:*:meta"):  # as the next second's fill does
        world.redis.hdel(meta, "lost_at")


def sweep(world: World) -> None:
    """Ring the alarms of campaigns and sales once."""
    ring(world, "turn_due_campaigns", "fill_due_gates", "lapse_due_offers")


def ring(world: World, *names: str) -> None:
    """Ring the alarms that are named."""
    for alarm in ALARMS:
        if alarm.name in names:
            alarm.sweep(world.ports, world.now)


def claim(person: Person, made: MadeCampaign, key: str = "", **body: Any) -> Any:
    """Claim as a client does."""
    return person.post(f"/v1/campaigns/{made.id}/claims", body, key=key or uuid4().hex)


def let_in(world: World, person: Person, made: MadeCampaign) -> Person:
    """Get a purchase token and return somebody who bears it."""
    answer = person.post(f"/v1/campaigns/{made.id}/purchase-tokens", {})
    assert answer.status_code == 201, answer.get_json()
    bearer = world.visitor()
    bearer.token = answer.get_json()["token"]
    return bearer
