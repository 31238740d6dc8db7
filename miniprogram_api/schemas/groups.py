"""Groups and seats as members and visitors see them."""

from uuid import UUID

from group_buy.models import GroupStatus, SeatStatus
from miniprogram_api.schemas.answers import Fen, Given, Moment, Read, Sent
from miniprogram_api.schemas.campaigns import RungOut
from miniprogram_api.schemas.orders import OrderOut


class OpenGroupIn(Sent):
    """What to open a group for; `may_move` agrees to another group if the payment comes late."""

    sku_id: UUID | None = None
    may_move: bool = False


class SeatIn(Sent):
    """How to take a seat; `may_move` agrees to another group if the payment comes late."""

    may_move: bool = False


class GroupMemberOut(Given):
    """Somebody in a group, by a shortened name."""

    name: str
    avatar_url: str | None
    seat_no: int
    is_initiator: bool
    is_paid: bool


class ShareOut(Given):
    """What a share card says, and where it leads in the mini-program."""

    title: str
    path: str


class GroupOut(Given):
    """A group and who is in it; nobody in it is invented."""

    id: UUID
    campaign_id: UUID
    sku_id: UUID
    status: GroupStatus
    seats_required: int
    seats_max: int
    seats_paid: int
    seats_held: int
    seats_missing: int
    house_seats: int
    price_fen: Fen
    next_rung: RungOut | None
    opened_at: Moment
    ends_at: Moment
    formed_at: Moment | None
    failed_at: Moment | None
    members: list[GroupMemberOut]
    share: ShareOut


class GroupRead(GroupOut, Read):
    """One group."""


class GroupList(Read):
    """Groups that lack only a seat or two, the fewest first."""

    items: list[GroupOut]


class SeatOut(Given):
    """A seat of the member's."""

    id: UUID
    group_id: UUID
    seat_no: int
    status: SeatStatus
    may_move: bool
    order_id: UUID
    joined_at: Moment
    paid_at: Moment | None


class JoinedAnswer(Given):
    """The seat that is held, its group, and the order that pays for it."""

    group: GroupOut
    seat: SeatOut
    order: OrderOut


class SeatList(Read):
    """The member's seats in a group."""

    items: list[SeatOut]
