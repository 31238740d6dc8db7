"""What reacts to what: every event of the system, and its handlers, on one page."""

from typing import Final

from flash_sale.events import (
    LotteryDrawn,
    OfferMade,
    OpeningReminded,
    SamePayerNoticed,
    UnitsClaimed,
)
from flash_sale.handlers import (
    close_queue_when_cancelled,
    close_queue_when_settled,
    draw_or_close_when_ended,
    lapse_claim_when_closed,
    pay_claim_when_paid,
    publish_sale_when_copied,
    reassign_claims_when_joined,
    return_claim_when_refunded,
    tell_member_when_offered,
    tell_members_when_reminded,
)
from group_buy.events import GroupFailed, GroupFormed, GroupNudged, InitiationPassed, SeatMoved
from group_buy.handlers import (
    free_seat_when_closed,
    publish_when_copied,
    reassign_seats_when_joined,
    take_seat_when_paid,
    tell_member_when_moved,
    tell_members_when_failed,
    tell_members_when_formed,
    tell_members_when_nudged,
)
from group_buy.sheets.events import SheetCancelled, SheetConfirmed, SheetFailed, SheetOpened
from group_buy.sheets.handlers import (
    let_entry_lapse_when_closed,
    reassign_sheets_when_joined,
    take_entry_when_paid,
    tell_members_when_sheet_cancelled,
    tell_members_when_sheet_confirmed,
    tell_members_when_sheet_failed,
)
from kit.outbox import Reactions
from shop.campaigns.events import (
    CampaignCancelled,
    CampaignCopiedForSlot,
    CampaignEnded,
    CampaignOpened,
    CampaignPaused,
    CampaignResumed,
    CampaignScheduled,
    CampaignSettled,
    CampaignWarmed,
)
from shop.cards.events import CardRevealed
from shop.chat_groups.events import ChatGroupAdded
from shop.chat_groups.handlers import reassign_chat_groups_when_joined
from shop.members.events import AccountClosed, MembersJoined
from shop.orders.events import OrderClosed, OrderFulfilled, OrderPaid, OrderRefunded
from shop.orders.handlers import reassign_when_joined
from shop.outreach.handlers import (
    plan_pushes_when_chat_group_added,
    plan_pushes_when_scheduled,
    push_when_settled,
    reassign_inbox_when_joined,
    stop_asking_when_cancelled,
    tell_leader_when_earned,
    tell_member_when_delivered,
    tell_member_when_refunded,
)
from shop.referral.events import CommissionEarned
from shop.referral.handlers import (
    attribute_order_when_paid,
    claw_back_when_refunded,
    give_up_earnings_when_closed,
    reassign_earnings_when_joined,
)
from shop.withdrawals.handlers import reassign_withdrawals_when_joined

REACTIONS: Final[Reactions] = {
    MembersJoined: [
        reassign_when_joined,
        reassign_seats_when_joined,
        reassign_sheets_when_joined,
        reassign_claims_when_joined,
        reassign_earnings_when_joined,
        reassign_chat_groups_when_joined,
        reassign_inbox_when_joined,
        reassign_withdrawals_when_joined,
    ],
    AccountClosed: [give_up_earnings_when_closed],
    OrderPaid: [
        take_seat_when_paid,
        take_entry_when_paid,
        pay_claim_when_paid,
        attribute_order_when_paid,
    ],
    OrderFulfilled: [tell_member_when_delivered],
    OrderClosed: [free_seat_when_closed, let_entry_lapse_when_closed, lapse_claim_when_closed],
    OrderRefunded: [
        return_claim_when_refunded,
        claw_back_when_refunded,
        tell_member_when_refunded,
    ],
    CommissionEarned: [tell_leader_when_earned],
    CardRevealed: [],
    CampaignScheduled: [plan_pushes_when_scheduled],
    CampaignWarmed: [],
    CampaignOpened: [],
    CampaignEnded: [draw_or_close_when_ended],
    CampaignSettled: [close_queue_when_settled, push_when_settled],
    CampaignPaused: [],
    CampaignResumed: [],
    CampaignCancelled: [close_queue_when_cancelled, stop_asking_when_cancelled],
    CampaignCopiedForSlot: [publish_when_copied, publish_sale_when_copied],
    ChatGroupAdded: [plan_pushes_when_chat_group_added],
    GroupFormed: [tell_members_when_formed],
    GroupFailed: [tell_members_when_failed],
    GroupNudged: [tell_members_when_nudged],
    InitiationPassed: [],
    SeatMoved: [tell_member_when_moved],
    SheetOpened: [],
    SheetConfirmed: [tell_members_when_sheet_confirmed],
    SheetFailed: [tell_members_when_sheet_failed],
    SheetCancelled: [tell_members_when_sheet_cancelled],
    UnitsClaimed: [],
    OfferMade: [tell_member_when_offered],
    LotteryDrawn: [],
    OpeningReminded: [tell_members_when_reminded],
    SamePayerNoticed: [],
}
