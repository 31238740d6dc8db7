"""How the gate is asked, step by step: rounds of commands out, their answers in, and no waiting.

A plan yields the commands of a round, which may be sent together, and is handed their answers; so
the gate of the threads and that of the event loop follow the same steps.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from flash_sale.gate_script import ADMIT, DEPOSIT, HOLDING, LEND, SETTLE, Call, Word, command, run
from flash_sale.gate_wire import (
    GateClaim,
    GateCounts,
    GateState,
    GateView,
    Verdict,
    entry_name,
    keys_of,
    moment,
    pack_claim,
    shard_of,
    split,
    unpack_verdicts,
)
from kit.ids import new_id

T = TypeVar("T")
Plan = Generator[list[Call], list[Any], T]

# Scripts take this many claims at once: one must not hold Redis up for long.
MOST_CLAIMS: Final = 256
MOST_LOANS: Final = 3
MOST_KNOWN: Final = 10_000
_REFUSED: Final = frozenset({Verdict.SOLD_OUT, Verdict.TOO_FEW})
_VIEWED: Final = (
    "shards",
    "state",
    "units",
    "starts_at",
    "ends_at",
    "early_starts_at",
    "filled_at",
    "fill_no",
)


class Shards:
    """Campaign id → how many shards its gate has, as far as it is known here."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[UUID, int] = {}

    def get(self, campaign_id: UUID) -> int | None:
        """Return the number, None when it must be read."""
        return self._known.get(campaign_id)

    def keep(self, campaign_id: UUID, shards: int) -> None:
        """Remember the number."""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[campaign_id] = shards

    def forget(self, campaign_id: UUID) -> None:
        """Read it again next time."""
        self._known.pop(campaign_id, None)

    def read(self, campaign_id: UUID) -> Plan[int]:
        """Return the number, 0 when the gate is lost or was never filled."""
        known = self._known.get(campaign_id)
        if known is not None:
            return known
        (told,) = yield [command("HGET", keys_of(campaign_id, 0)[0], "shards")]
        if told is None:
            return 0
        self.keep(campaign_id, int(told))
        return int(told)


def admit(shards: Shards, campaign_id: UUID, claims: Sequence[GateClaim]) -> Plan[list[Verdict]]:
    """Return a verdict for each claim; a gate that was cut anew meanwhile is asked anew."""
    before = yield from shards.read(campaign_id)
    if not before or not claims:
        return [Verdict.MISSING] * len(claims)
    verdicts = yield from _admit_over(campaign_id, before, claims)
    if Verdict.MISSING not in verdicts:
        return verdicts
    shards.forget(campaign_id)
    after = yield from shards.read(campaign_id)
    if after in {0, before}:
        return verdicts
    return (yield from _admit_over(campaign_id, after, claims))


def settle(
    shards: Shards,
    campaign_id: UUID,
    *,
    done: Sequence[GateClaim],
    given_back: Sequence[GateClaim],
) -> Plan[None]:
    """Say of admitted claims which are in the database now, and which will not be."""
    number = yield from shards.read(campaign_id)
    calls: list[Call] = []
    for shard in range(number):
        names = [entry_name(claim) for claim in done if shard_of(claim[0], number) == shard]
        back = [entry_name(claim) for claim in given_back if shard_of(claim[0], number) == shard]
        calls += [
            run(SETTLE, keys_of(campaign_id, shard), len(part), *part)
            for part in split(names, MOST_CLAIMS)
        ]
        calls += [
            run(SETTLE, keys_of(campaign_id, shard), 0, *part) for part in split(back, MOST_CLAIMS)
        ]
    if calls:
        yield calls


def peek(shards: Shards, campaign_id: UUID) -> Plan[GateView | None]:
    """Return what may be said of the gate without a claim, None when a shard of it is missing."""
    number = yield from shards.read(campaign_id)
    if not number:
        return None
    calls: list[Call] = []
    for shard in range(number):
        meta, held, _, offers, counts, _ = keys_of(campaign_id, shard)
        calls += [
            # Before the version: whose offer is gone by a fill meanwhile is a holder of a new one.
            command("HKEYS", offers),
            command("HMGET", meta, *_VIEWED),
            command("HGET", counts, "units_admitted"),
            command("HLEN", held),
            run(HOLDING, keys_of(campaign_id, shard), number),
        ]
    replies = yield calls
    offered, metas, admitted, held_by, known = (replies[start::5] for start in range(5))
    if any(meta[0] is None or int(meta[0]) != number for meta in metas):
        shards.forget(campaign_id)
        return None
    _, state, _, starts_at, ends_at, early_starts_at, *_ = metas[0]
    return GateView(
        state=GateState(state.decode()),
        units=sum(int(meta[2]) for meta in metas),
        offered=frozenset(UUID(bytes=member) for members in offered for member in members),
        starts_at=moment(int(starts_at)),
        ends_at=moment(int(ends_at)),
        early_starts_at=moment(int(early_starts_at)) if early_starts_at else None,
        holders=sum(held_by),
        knows_holders=None not in known,
        version=tuple(
            int(number or 0)
            for meta, units in zip(metas, admitted, strict=True)
            for number in (meta[6], meta[7], units)
        ),
    )


def holding(shards: Shards, campaign_id: UUID, member_ids: Iterable[UUID]) -> Plan[frozenset[UUID]]:
    """Return which of the members may have claimed before: all, when the gate was just lost."""
    asked = list(member_ids)
    number = yield from shards.read(campaign_id)
    if not number or not asked:
        return frozenset(asked)
    parts: dict[int, list[UUID]] = {}
    for member_id in asked:
        parts.setdefault(shard_of(member_id, number), []).append(member_id)
    replies = yield [
        run(HOLDING, keys_of(campaign_id, shard), number, *(member.bytes for member in members))
        for shard, members in parts.items()
    ]
    return frozenset(
        member
        for members, told in zip(parts.values(), replies, strict=True)
        for place, member in enumerate(members)
        if told is None or told[place] is not None
    )


def list_holders(shards: Shards, campaign_id: UUID) -> Plan[frozenset[bytes]]:
    """Return the bytes of the ids of who ever claimed, at least those of the last `peek`."""
    number = yield from shards.read(campaign_id)
    calls = [command("HKEYS", keys_of(campaign_id, shard)[1]) for shard in range(number)]
    replies = (yield calls) if calls else []
    return frozenset(member for members in replies for member in members)


def read_counts(shards: Shards, campaign_id: UUID) -> Plan[GateCounts]:
    """Return what the gate has counted."""
    number = yield from shards.read(campaign_id)
    fields: tuple[Word, ...] = (
        *(int(verdict) for verdict in Verdict),
        "units_admitted",
        "units_given_back",
    )
    calls = [command("HMGET", keys_of(campaign_id, shard)[4], *fields) for shard in range(number)]
    replies = (yield calls) if calls else []
    sums = [sum(int(reply[index] or 0) for reply in replies) for index in range(len(fields))]
    return GateCounts(
        verdicts=dict(zip(Verdict, sums, strict=False)),
        units_admitted=sums[-2],
        units_given_back=sums[-1],
    )


def _admit_over(campaign_id: UUID, shards: int, claims: Sequence[GateClaim]) -> Plan[list[Verdict]]:
    """Ask each shard about its members' claims, and the other shards when one is empty."""
    if shards == 1 and len(claims) <= MOST_CLAIMS:
        (reply,) = yield [_ask(campaign_id, 0, 1, claims, is_last=True)]
        return unpack_verdicts(reply)
    verdicts = [Verdict.MISSING] * len(claims)
    places: list[list[int]] = [[] for _ in range(shards)]
    for place, claim in enumerate(claims):
        places[shard_of(claim[0], shards)].append(place)
    pieces = [
        (shard, mine[start : start + MOST_CLAIMS])
        for shard, mine in enumerate(places)
        for start in range(0, len(mine), MOST_CLAIMS)
    ]
    replies = yield [
        _ask(campaign_id, shard, shards, [claims[place] for place in piece], is_last=shards == 1)
        for shard, piece in pieces
    ]
    for (shard, piece), reply in zip(pieces, replies, strict=True):
        answers = unpack_verdicts(reply)
        if shards > 1 and not _REFUSED.isdisjoint(answers):
            asked = [claims[place] for place in piece]
            answers = yield from _borrow_and_ask(campaign_id, shard, shards, asked, answers)
        for place, answer in zip(piece, answers, strict=True):
            verdicts[place] = answer
    return verdicts


def _borrow_and_ask(
    campaign_id: UUID,
    shard: int,
    shards: int,
    claims: Sequence[GateClaim],
    answers: Sequence[Verdict],
) -> Plan[list[Verdict]]:
    """Ask again for what was refused while the other shards still have something to lend."""
    verdicts = list(answers)
    for loan in range(MOST_LOANS):
        places = [place for place, verdict in enumerate(verdicts) if verdict in _REFUSED]
        refused = [claims[place] for place in places]
        needed = sum(claim.quantity for claim in refused)
        borrowed = yield from _borrow(campaign_id, shard, shards, needed)
        is_last = not borrowed or loan == MOST_LOANS - 1
        (reply,) = yield [_ask(campaign_id, shard, shards, refused, is_last=is_last)]
        for place, verdict in zip(places, unpack_verdicts(reply), strict=True):
            verdicts[place] = verdict
        if is_last or _REFUSED.isdisjoint(verdicts):
            break
    return verdicts


def _borrow(campaign_id: UUID, shard: int, shards: int, needed: int) -> Plan[int]:
    """Bring units from the richest shards to this one; return how many came."""
    others = [other for other in range(shards) if other != shard]
    told = yield [command("HGET", keys_of(campaign_id, other)[0], "units") for other in others]
    units = {other: int(number or 0) for other, number in zip(others, told, strict=True)}
    loans: dict[str, Call] = {}
    for other in sorted(others, key=lambda other: units[other], reverse=True):
        if needed <= 0 or units[other] <= 0:
            break
        loan = new_id().hex
        loans[loan] = run(LEND, keys_of(campaign_id, other), loan, needed)
        needed -= max(units[other] // 2, min(units[other], needed))
    if not loans:
        return 0
    lent = yield list(loans.values())
    brought = [word for pair in zip(loans, lent, strict=True) if pair[1] for word in pair]
    if brought:
        yield [run(DEPOSIT, keys_of(campaign_id, shard), *brought)]
    return sum(lent)


def _ask(
    campaign_id: UUID, shard: int, shards: int, claims: Sequence[GateClaim], *, is_last: bool
) -> Call:
    return run(
        ADMIT, keys_of(campaign_id, shard), shards, int(not is_last), *map(pack_claim, claims)
    )
