"""Claims, purchase tokens, the waitlist, reminders and draws as members see them."""

from uuid import UUID

from pydantic import Field, StrictInt

from flash_sale.models import ClaimStatus, WaitStatus
from miniprogram_api.schemas.answers import Given, Moment, Read, Sent
from miniprogram_api.schemas.orders import OrderOut


class ClaimIn(Sent):
    """What the member wants of a flash sale."""

    quantity: StrictInt = Field(default=1, ge=1, le=100)
    offer_id: UUID | None = Field(
        default=None, description="The offer of the waitlist, or of the draw, that is taken."
    )


class ClaimOut(Given):
    """A claim that is true: the units are the member's when its order is paid in time."""

    id: UUID
    campaign_id: UUID
    status: ClaimStatus
    quantity: int
    claimed_at: Moment
    pay_by: Moment


class ClaimAnswer(Given):
    """The claim and its order, as they were when it was made."""

    claim: ClaimOut
    order: OrderOut


class SolutionIn(Sent):
    """The answer to a challenge: of a proof of work seed and answer, else ticket and randstr."""

    seed: str = Field(default="", max_length=200)
    answer: str = Field(default="", max_length=64)
    ticket: str = Field(default="", max_length=1000)
    randstr: str = Field(default="", max_length=64)


class PurchaseTokenIn(Sent):
    """What a member sends who wants to be let in."""

    solution: SolutionIn | None = None


class PurchaseTokenAnswer(Given):
    """Send it as the bearer token of claims, to `claims_url`."""

    token: str
    expires_at: Moment
    opens_at: Moment = Field(description="From when on this member's claims are taken.")
    claims_url: str


class ReminderAnswer(Given):
    """When the member is reminded."""

    remind_at: Moment


class WaitOut(Given):
    """How the member waits, or takes part in the lottery."""

    id: UUID
    campaign_id: UUID
    status: WaitStatus
    ahead: int | None = Field(description="How many are offered a unit before; null: not waiting.")
    rank: int | None = Field(description="Of the draw, from 1; null before it, or without one.")
    joined_at: Moment
    offer_id: UUID | None = Field(description="Send it with the claim while the offer is good.")
    offered_until: Moment | None


class WaitRead(WaitOut, Read):
    """The member's wait."""


class WaitAnswer(Given):
    """The member's wait after the request."""

    wait: WaitOut


class DrawRead(Read):
    """All that is needed to compute a draw again: docs/lottery.md says how."""

    campaign_id: UUID
    commitment: str
    seed: str
    entries: list[UUID]
    entries_digest: str
    winners: int
    order: list[UUID]
    drawn_at: Moment
