"""What reacts to what: every event of the system, and its handlers, on one page."""

from typing import Final

from kit.outbox import Reactions
from shop.cards.events import CardRevealed
from shop.members.events import MembersJoined
from shop.orders.events import OrderClosed, OrderFulfilled, OrderPaid, OrderRefunded
from shop.orders.handlers import reassign_when_joined

REACTIONS: Final[Reactions] = {
    MembersJoined: [reassign_when_joined],
    OrderPaid: [],
    OrderFulfilled: [],
    OrderClosed: [],
    OrderRefunded: [],
    CardRevealed: [],
}
