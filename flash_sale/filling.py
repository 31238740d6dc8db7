"""Brings a gate to agree with the database, while claims go on.

A reading of the database is older than the gate by the time it arrives. Each entry of the gate is
therefore surely not in the reading (admitted after it), surely in it (settled before it; such
entries are dropped), or perhaps in it. Free units less what is surely not in the reading is the
most that the gate may have left; less what is perhaps in it, too, the least. What the gate has is
right if it lies between, and is moved to the nearer end if not. The same goes for what a member
holds. A gate that nothing happened to is never changed by a fill; one that was lost, restored from
an old state or told too little is put right by the first fill up to what was just then under way,
and by the next one exactly, since by then that is settled and in the reading. Until then it may not
know everybody who holds units, and says so: whoever it refuses is looked up (`Gate.holding`).

Units on their way from shard to shard are known by both ends; a loan that did not arrive within a
second is taken for lost, and the fill replaces it. Early units are a quota and no stock: each fill
deals what is left of them out evenly.

One fills at a time. A fill that stalls finds the gate's number of fills changed, and an older
reading finds a younger one: neither does anything.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple
from uuid import UUID

from flash_sale.filling_script import CLOCK, COUNT, FILL, LOOK, RELEASE
from flash_sale.gate_plans import Plan, Shards
from flash_sale.gate_script import Call, command, run
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
KEEP_LOAN_SECONDS: Final = 10
# A gate that was filled longer ago has missed fills: it was away, or is back from an old state.
LATE_SECONDS: Final = 5
FILLER_SECONDS: Final = 3
KEEP_SECONDS: Final = 24 * 60 * 60  # after the last fill
# By so much the clocks of database and Redis may differ after they were compared.
MARGIN_MS: Final = 50
# An answer that took longer is asked for again: how old it is, nobody knows.
QUICK_SECONDS: Final = 0.005
MOST_QUESTIONS: Final = 3
MEMBERS_AT_ONCE: Final = 2000


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
    shifts, margin = yield from _compare_clocks(target, now, lambda: seconds() - began)
    outcome = yield from _fill(target, shifts, margin)
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
) -> Plan[tuple[list[int], int]]:
    """Return for each shard by how many milliseconds its clock is ahead of the database's.

    Beside that, by how many the readings may be out. An answer was told after it was asked for, so
    that no number is too small, and no gate opens early.
    """
    answers: list[tuple[float, list[int]]] = []
    while len(answers) < MOST_QUESTIONS:
        before = elapsed()
        told = yield [run(CLOCK, keys) for keys in _keys(target)]
        took = elapsed() - before
        asked_at = microseconds(now + timedelta(seconds=before))
        answers.append((took, [-((asked_at - int(answer)) // 1000) for answer in told]))
        if took <= QUICK_SECONDS:
            break
    took, shifts = min(answers)
    return shifts, MARGIN_MS + ceil(took * 1000)


def _keys(target: GateTarget) -> list[tuple[bytes, ...]]:
    return [keys_of(target.campaign_id, shard) for shard in range(target.shards)]


def _fill(target: GateTarget, shifts: Sequence[int], margin: int) -> Plan[Filling]:
    filled_at = microseconds(target.read_at)
    reads = [milliseconds(target.read_at) + shift for shift in shifts]
    late = 0 if target.is_full else LATE_SECONDS * 1_000_000
    limits = (PENDING_SECONDS * 1000, LOAN_SECONDS * 1000, KEEP_LOAN_SECONDS * 1000, late)
    replies = yield [
        run(LOOK, keys, filled_at, read, margin, *limits)
        for keys, read in zip(_keys(target), reads, strict=True)
    ]
    looks = [Shard(*reply) for reply in replies]
    if any(look.filled_at > filled_at for look in looks):
        return Filling.OLDER
    if any(look.shards not in {0, target.shards} for look in looks):
        yield from _throw_away(target, max(look.shards for look in looks))
        return Filling.NEEDS_FULL
    if late and any(look.shards == 0 or look.filled_at < filled_at - late for look in looks):
        return Filling.NEEDS_FULL
    heads = [(look.fill_no, read, margin) for look, read in zip(looks, reads, strict=True)]
    yield from _correct_counts(target, heads)
    done = yield _fill_calls(target, looks, [read - margin for read in reads], shifts)
    return Filling.FILLED if all(done) else Filling.BUSY


def _throw_away(target: GateTarget, shards: int) -> Plan[None]:
    """Throw a gate of another number of shards away: its members now belong elsewhere."""
    most = max(shards, target.shards)
    yield [command("DEL", *keys_of(target.campaign_id, shard)) for shard in range(most)]


def _correct_counts(target: GateTarget, heads: Sequence[tuple[int, int, int]]) -> Plan[None]:
    """Put right what members hold; after a full reading, also forget those it does not name."""
    held = {member: b"%d" % units for member, units in target.held_by_member.items()}
    if target.is_full:
        known = yield [command("HKEYS", keys[1]) for keys in _keys(target)]
        held = {UUID(bytes=member): b"-" for members in known for member in members} | held
    counts = _by_shard(target, held.items())
    for keys, head, members in zip(_keys(target), heads, counts, strict=True):
        for part in split(members, MEMBERS_AT_ONCE):
            yield [run(COUNT, keys, *head, *part)]


def _fill_calls(
    target: GateTarget, looks: Sequence[Shard], surely_read: Sequence[int], shifts: Sequence[int]
) -> list[Call]:
    changes, early_changes = _changes(target, looks), _early_changes(target, looks)
    offers = _by_shard(target, ((member, offer.bytes) for member, offer in target.offers.items()))
    calls: list[Call] = []
    for shard, keys in enumerate(_keys(target)):
        head = (looks[shard].fill_no, changes[shard], early_changes[shard], KEEP_SECONDS)
        told = (surely_read[shard], *_meta(target, shifts[shard]))
        calls.append(run(FILL, keys, *head, *told, *offers[shard]))
    return calls


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
