"""What the gate is asked and answers, and how both are packed into bytes; nothing is sent here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

MOST_SHARDS: Final = 16
MOST_QUANTITY: Final = 0xFFFF
EARLY: Final = 1  # bit 0 of the flags

# A claim is its flags, its quantity, and the name of its entry: the member's bytes, then the key.
_HEAD: Final = Struct(">BH16s")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Verdict(IntEnum):
    """What the gate says to a claim; only ADMITTED and OFFERED go on to the database."""

    ADMITTED = 0
    SOLD_OUT = 1  # no shard has anything left
    TOO_FEW = 2  # something is left, but not so many
    LIMIT = 3  # the member would hold more than allowed
    NOT_STARTED = 4  # or the early units are gone, for a member with early access
    ENDED = 5
    PAUSED = 6  # or stopped; `Gate.peek` says which
    OFFERED = 7  # the member has an offer from the waitlist: nothing is taken from the stock
    MISSING = 8  # the gate was lost or never filled: fill it in full, then ask again


class GateState(StrEnum):
    """Whether claims are taken while the window is open."""

    OPEN = "open"
    PAUSED = "paused"
    STOPPED = "stopped"


class Filling(Enum):
    """How a fill ended."""

    FILLED = "filled"
    BUSY = "busy"  # somebody else is just filling, or came between: look again soon
    OLDER = "older"  # a younger reading of the database is there already
    NEEDS_FULL = "needs_full"  # the gate, or a shard of it, is lost: only a full fill will do


class GateClaim(NamedTuple):
    """One member's wish for some units; a tuple, because thousands are made every second."""

    member_id: UUID
    request_key: str  # the Idempotency-Key: the same claim again takes nothing more
    quantity: int  # 1 to 65535
    has_early_access: bool = False


@dataclass(frozen=True, slots=True)
class GateTarget:
    """What the database says of one campaign at one moment; the gate is brought to agree with it.

    `read_at` is the database's clock before the reading began: everything that was committed by
    then is in these figures. Free units count those kept for the waitlist, too.
    """

    campaign_id: UUID
    read_at: datetime
    starts_at: datetime
    ends_at: datetime
    state: GateState
    limit_per_member: int
    free_units: int
    waiting_units: int  # of the free ones, kept for offers to the waitlist
    held_by_member: Mapping[UUID, int]  # units that count against the limit; 0 of who lost theirs
    offers: Mapping[UUID, UUID]  # member → open offer from the waitlist
    is_full: bool  # held_by_member has everybody who ever claimed: all others are forgotten
    early_starts_at: datetime | None = None
    early_units: int = 0  # still to be had early
    shards: int = 1


@dataclass(frozen=True, slots=True)
class GateView:
    """What may be said of a gate without a claim."""

    state: GateState
    units: int  # left over all shards
    offered: frozenset[UUID]  # members with an offer
    starts_at: datetime
    ends_at: datetime
    early_starts_at: datetime | None
    holders: int  # members who hold units, or once claimed some
    knows_holders: bool  # False: it was lost, and somebody may hold units of whom it was not told
    version: tuple[int, ...]  # another one as soon as anybody else may hold units


@dataclass(frozen=True, slots=True)
class GateCounts:
    """What the gate has counted since it was last lost, over all shards."""

    verdicts: Mapping[Verdict, int]
    units_admitted: int
    units_given_back: int

    @property
    def claims(self) -> int:
        """Return how many claims were answered."""
        return sum(self.verdicts.values())


class GateUnavailable(Exception):
    """Redis did not answer, or not in time: nobody knows whether a claim was admitted."""


_VERDICTS: Final = tuple(Verdict)


def shard_of(member_id: UUID, shards: int) -> int:
    """Return the shard that a member belongs to: the last bits of an id are random."""
    return int(member_id.int % shards)


@lru_cache(maxsize=4096)
def keys_of(campaign_id: UUID, shard: int) -> tuple[bytes, ...]:
    """Return the keys of a shard, all on one slot of a cluster.

    They are: what is known (a hash), units held by member, entries of admitted claims by member
    and key, open offers by member, what was counted, what is lent to and borrowed from others.
    """
    tag = f"gate:{{{campaign_id.hex}:{shard}}}:"
    names = ("meta", "held", "entries", "offers", "counts", "loans")
    return tuple((tag + name).encode() for name in names)


def entry_name(claim: GateClaim) -> bytes:
    """Return under which name the gate remembers an admitted claim."""
    return claim[0].bytes + claim[1].encode()


def pack_claim(claim: GateClaim) -> bytes:
    """Return a claim as one argument; `ValueError` for a quantity that no claim may have."""
    member_id, request_key, quantity, has_early_access = claim
    if not 1 <= quantity <= MOST_QUANTITY:
        raise ValueError(f"nobody can claim {quantity} units")
    flags = EARLY if has_early_access else 0
    return _HEAD.pack(flags, quantity, member_id.bytes) + request_key.encode()


def unpack_verdicts(reply: bytes) -> list[Verdict]:
    """Return the verdicts that the script wrote, one byte each."""
    return [_VERDICTS[byte] for byte in reply]


def milliseconds(at: datetime) -> int:
    """Return whole milliseconds since 1970, the way Redis tells the time."""
    return (at - _EPOCH) // _MILLISECOND


def microseconds(at: datetime) -> int:
    """Return whole microseconds since 1970, as exact as the database tells the time."""
    return (at - _EPOCH) // _MICROSECOND


def moment(since_1970: int) -> datetime:
    """Return the moment that many milliseconds after 1970."""
    return _EPOCH + since_1970 * _MILLISECOND


def split(items: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    """Return the items in pieces of at most `size`: one script must not hold Redis up for long."""
    return [items[start : start + size] for start in range(0, len(items), size)]
