"""The member's own profile, phone number, consents and account."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field, StrictBool, model_validator

from miniprogram_api.schemas.answers import Given, Moment, Sent
from shop.members.platforms import Platform


class MeOut(Given):
    """The member as they see themselves; the phone number is masked."""

    id: UUID
    nickname: str | None
    avatar_url: str | None
    is_avatar_shown: bool = Field(
        description="Whether others see the avatar: not before the platform has looked at it."
    )
    phone_masked: str | None
    platforms: list[Platform]
    created_at: Moment


class MeIn(Sent):
    """What changes in the profile; a field that is left out stays."""

    nickname: str | None = Field(default=None, min_length=1, max_length=40)
    avatar_url: str | None = Field(
        default=None, max_length=500, pattern=r"^https://[^\s/?#@\\]+(?:/[^\s\\]*)?$"
    )


class PhoneIn(Sent):
    """WeChat's one-time phone code, or the text that `my.getPhoneNumber` gave."""

    code: str | None = Field(default=None, min_length=1, max_length=4096)
    credential: str | None = Field(default=None, min_length=1, max_length=16384)
    join: StrictBool = Field(
        default=False, description="Join the member who has this number already."
    )

    @model_validator(mode="after")
    def _take_one(self) -> "PhoneIn":
        if (self.code is None) == (self.credential is None):
            raise ValueError("send either code or credential")
        return self

    @property
    def given(self) -> str:
        """Return whichever of the two was sent."""
        return self.code or self.credential or ""


class ConsentIn(Sent):
    """Consent to one version of a document, or its withdrawal."""

    document: Literal["terms", "privacy"]
    version: str = Field(min_length=1, max_length=16, pattern=r"^[0-9A-Za-z.-]+$")
    given: StrictBool = True


class LeaveQuery(Sent):
    """What the member accepts to lose when they leave."""

    give_up_cards: bool = Field(
        default=False, description="Leave although cards are not revealed yet."
    )
    give_up_earnings: bool = Field(
        default=False, description="Leave although commission is not paid yet."
    )


class ExportOut(Given):
    """Everything we hold about the member; codes are left to the reveal."""

    exported_at: Moment
    data: dict[str, Any]
