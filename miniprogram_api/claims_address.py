"""Where claims of a flash sale are sent: to the lane, where one runs."""

from typing import cast
from uuid import UUID

from flask import current_app


def claims_url(campaign_id: UUID) -> str:
    """Return the address as clients reach it."""
    base = cast("str", current_app.extensions["claims_base_url"])
    return f"{base}/v1/campaigns/{campaign_id}/claims"
