"""Requests made up from the OpenAPI document itself: every answer is one the document knows."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from app.factory import assemble
from app.options import WebOptions
from tests.miniprogram_api.world import World

load_all_checks()
schema = schemathesis.openapi.from_dict(assemble(WebOptions()).spec)


@pytest.mark.slow
@schema.include(path_regex="^/v1/").parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_i136_no_request_breaks_the_door(case: Any, world: World) -> None:
    """No 5xx; status, media type and body as documented."""
    member = world.member()
    headers = {"Authorization": f"Bearer {member.token}"}
    answer = case.call(app=world.app, headers=headers)
    checks = CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
        ]
    )
    case.validate_response(answer, checks=checks)
