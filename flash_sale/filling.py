"""Brings a gate to agree with the database, while claims go on.

A reading of the database is older than the gate by the time it arrives. Each entry of the gate is
therefore surely not in the reading (admitted after it), surely in it (settled before it; such
entries are dropped), or perhaps in it. Free units less what is surely not in the reading is the
most that the gate may have left; less what is perhaps in it, too, the least. What the gate has is
right if it lies between, and is moved to the nearer end if not. The same goes for what a member
holds. A gate that nothing happened to is never changed by a fill; one that was lost, restored from
an old state or told too little is put right by the first fill up to what was just then under way,
and by the next one exactly, since by then that is settled and in the reading.

Units on their way from shard to shard are known by both ends; a loan that did not arrive within a
second is taken for lost, and the fill replaces it. Early units are a quota and no stock: each fill
deals what is left of them out evenly.

One fills at a time. A fill that stalls finds the gate's number of fills changed, and an older
reading finds a younger one: neither does anything.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_script import CLOCK, COUNT, FILL, LOOK, RELEASE, command, run
from flash_sale.gate_wire import (
    Filling,
    GateTarget,
    keys_of,
    microseconds,
    milliseconds,
    shard_of,
    split,
)
from kit.ids import new_id

PENDING_SECONDS: Final = 10
LOAN_SECONDS: Final = 1
FILLER_SECONDS: Final = 3
KEEP_SECONDS: Final = 24 * 60 * 60  # after the last fill
# By so much the clocks of database and Redis may differ after they were compared.
MARGIN_MS: Final = 50
# An answer that took longer is asked for again: how old it is, nobody knows.
QUICK_SECONDS: Final = 0.005
MOST_QUESTIONS: Final = 3
MEMBERS_AT_ONCE: Final = 1000


class Shard(NamedTuple):
    """What one shard said of itself; all but the first three is 0 when it is missing or younger."""

    fill_no: int
    filled_at: int
    shards: int
    units: int = 0
    early_units: int = 0
    sure: int = 0  # admitted units that are surely not in the reading
    unsure: int = 0  # those that may be in it
    sure_early: int = 0
    unsure_early: int = 0
    loans: Sequence[Any] = ()  # end and id of a young loan, units, and so on


def fill(
    shards: Shards, target: GateTarget, *, now: datetime, seconds: Callable[[], float]
) -> Plan[Filling]:
    """Bring the gate to agree with the database, unless somebody else is doing it.

    `now` is the database's clock at this call, from which `seconds`, a clock that nobody can set,
    goes on.
    """
    began = seconds()
    filler, token = _filler_key(target.campaign_id), new_id().hex
    (is_ours,) = yield [command("SET", filler, token, "NX", "EX", FILLER_SECONDS)]
    if not is_ours:
        return Filling.BUSY
    shifts = yield from _compare_clocks(target, now, lambda: seconds() - began)
    outcome = yield from _fill(target, shifts)
    if outcome is Filling.FILLED:
        shards.keep(target.campaign_id, target.shards)
    else:
        shards.forget(target.campaign_id)
    yield [run(RELEASE, [filler], token)]
    return outcome


def _filler_key(campaign_id: UUID) -> bytes:
    return keys_of(campaign_id, 0)[0] + b":filler"


def _compare_clocks(
    target: GateTarget, now: datetime, elapsed: Callable[[], float]
) -> Plan[list[int]]:
    """Return for each shard how many milliseconds its clock is ahead of the database's.

    An answer was told after it was asked for, so that the smallest of a few is the nearest, and
    none is too small: no gate opens early.
    """
    shifts = [2**62] * target.shards
    for _ in range(MOST_QUESTIONS):
        before = elapsed()
        told = yield [
            run(CLOCK, keys_of(target.campaign_id, shard)) for shard in range(target.shards)
        ]
        asked_at = microseconds(now + timedelta(seconds=before))
        shifts = [
            min(shift, -((asked_at - int(answer)) // 1000))
            for shift, answer in zip(shifts, told, strict=True)
        ]
        if elapsed() - before <= QUICK_SECONDS:
            break
    return shifts


def _fill(target: GateTarget, shifts: Sequence[int]) -> Plan[Filling]:
    filled_at = microseconds(target.read_at)
    reads = [milliseconds(target.read_at) + shift for shift in shifts]
    replies = yield [
        run(LOOK, keys_of(target.campaign_id, shard), filled_at, read, MARGIN_MS, *_limits_ms())
        for shard, read in enumerate(reads)
    ]
    looks = [Shard(*reply) for reply in replies]
    if any(look.filled_at > filled_at for look in looks):
        return Filling.OLDER
    if any(look.shards not in {0, target.shards} for look in looks):
        yield from _forget(target.campaign_id, max(look.shards for look in looks))
        return Filling.NEEDS_FULL
    if not target.is_full and any(look.shards == 0 for look in looks):
        return Filling.NEEDS_FULL
    yield from _correct_counts(target, looks, reads)
    changes = _changes(target, looks)
    early_changes = _early_changes(target, looks)
    offers = _by_shard(target, ((member, offer.bytes) for member, offer in target.offers.items()))
    done = yield [
        run(
            FILL,
            keys_of(target.campaign_id, shard),
            *(look.fill_no, changes[shard], early_changes[shard], KEEP_SECONDS),
            *_meta(target, shifts[shard]),
            *offers[shard],
        )
        for shard, look in enumerate(looks)
    ]
    return Filling.FILLED if all(done) else Filling.BUSY


def _limits_ms() -> tuple[int, int, int]:
    return PENDING_SECONDS * 1000, LOAN_SECONDS * 1000, PENDING_SECONDS * 1000


def _forget(campaign_id: UUID, shards: int) -> Plan[None]:
    """Throw a gate of another number of shards away: its members now belong elsewhere."""
    yield [command("DEL", *keys_of(campaign_id, shard)) for shard in reversed(range(shards))]


def _correct_counts(target: GateTarget, looks: Sequence[Shard], reads: Sequence[int]) -> Plan[None]:
    """Put right what members hold; after a full reading, of those who hold nothing, too."""
    held = dict(target.held_by_member)
    if target.is_full:
        known = yield [
            command("HKEYS", keys_of(target.campaign_id, shard)[1])
            for shard in range(target.shards)
        ]
        for members in known:
            held = {UUID(bytes=member): 0 for member in members} | held
    counts = _by_shard(target, ((member, b"%d" % units) for member, units in held.items()))
    for shard, look in enumerate(looks):
        for part in split(counts[shard], MEMBERS_AT_ONCE):
            keys = keys_of(target.campaign_id, shard)
            yield [run(COUNT, keys, look.fill_no, reads[shard], MARGIN_MS, *part)]


def _by_shard(target: GateTarget, told: Iterable[tuple[UUID, bytes]]) -> list[list[bytes]]:
    parts: list[list[bytes]] = [[] for _ in range(target.shards)]
    for member, text in told:
        parts[shard_of(member, target.shards)].append(member.bytes + text)
    return parts


def _changes(target: GateTarget, looks: Sequence[Shard]) -> list[int]:
    """Return by how many units each shard is to change."""
    most = target.free_units - target.waiting_units - sum(look.sure for look in looks)
    least = most - sum(look.unsure for look in looks)
    units = [look.units for look in looks]
    left = sum(units) + on_the_way(looks)
    return spread(units, nearest(left, least, most) - left)


def _early_changes(target: GateTarget, looks: Sequence[Shard]) -> list[int]:
    most = target.early_units - sum(look.sure_early for look in looks)
    least = most - sum(look.unsure_early for look in looks)
    units = [look.early_units for look in looks]
    shares = even_shares(nearest(sum(units), least, most), target.shards)
    return [share - own for share, own in zip(shares, units, strict=True)]


def on_the_way(looks: Sequence[Shard]) -> int:
    """Return how many units were lent and not seen to arrive; negative when seen only there."""
    lent: dict[bytes, int] = {}
    for look in looks:
        for name, units in zip(look.loans[::2], look.loans[1::2], strict=True):
            sign = 1 if name[:1] == b"L" else -1
            lent[name[1:]] = lent.get(name[1:], 0) + sign * int(units)
    return sum(lent.values())


def nearest(number: int, least: int, most: int) -> int:
    """Return the number from `least` to `most` that is nearest, and never one below 0."""
    return max(0, least, min(number, most))


def even_shares(units: int, shards: int) -> list[int]:
    """Return the units dealt out, the first shards having one more when they do not come out."""
    share, rest = divmod(units, shards)
    return [share + (shard < rest) for shard in range(shards)]


def spread(units: Sequence[int], change: int) -> list[int]:
    """Return how each shard is to change: the poorest get, the richest give, the rest stay."""
    shares = even_shares(sum(units) + change, len(units))
    sign = 1 if change > 0 else -1
    left, changes = abs(change), [0] * len(units)
    for shard in sorted(range(len(units)), key=lambda shard: sign * units[shard]):
        moved = min(left, max(0, sign * (shares[shard] - units[shard])))
        changes[shard] = sign * moved
        left -= moved
    return changes


def _meta(target: GateTarget, shift: int) -> tuple[int | str, ...]:
    """Return how many fields of the hash there are, and the fields with their values."""
    early = target.early_starts_at
    fields: dict[str, int | str] = {
        "shards": target.shards,
        "state": target.state.value,
        "limit": target.limit_per_member,
        "filled_at": microseconds(target.read_at),
        "starts_at": milliseconds(target.starts_at),
        "ends_at": milliseconds(target.ends_at),
        "early_starts_at": "" if early is None else milliseconds(early),
        "starts_ms": milliseconds(target.starts_at) + shift,
        "ends_ms": milliseconds(target.ends_at) + shift,
        "early_starts_ms": "" if early is None else milliseconds(early) + shift,
    }
    return len(fields), *(word for pair in fields.items() for word in pair)
