"""The slider against the real sandbox: solved once, and replaced by work while it is out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from flash_sale import challenges
from flash_sale.challenges import ProofOfWork
from flash_sale.slider import OUT_FOR, SERVICE, VERSION, Slider
from kit.tencent_cloud import TencentApi, TencentKey
from tests.servers import SandboxServer

ADDRESS = "192.0.2.1"
TARGET = "tencent_captcha.result"


def make_slider(sandbox: SandboxServer, *, secret_key: str = "", base_url: str = "") -> Slider:
    """Return a slider as a shop has it whose platform is the sandbox."""
    names = sandbox.credentials["tencent_captcha"]
    api = TencentApi(
        TencentKey(names["secret_id"], secret_key or names["secret_key"]),
        service=SERVICE,
        version=VERSION,
        base_url=base_url or sandbox.credentials["base_urls"]["tencent_captcha"],
        timeout_seconds=5,
    )
    return Slider(
        api,
        app_id=int(names["app_id"]),
        app_secret_key=names["app_secret_key"],
        instead=ProofOfWork(b"k" * 32, bits=8),
    )


class Member:
    """Somebody who is asked to solve what is posed."""

    def __init__(self, slider: Slider, sandbox: SandboxServer) -> None:
        self.slider, self.sandbox = slider, sandbox
        self.campaign_id, self.member_id = uuid4(), uuid4()
        self.now = datetime.now(UTC)

    def posed(self) -> dict[str, Any]:
        """Return what they are asked for."""
        return self.slider.pose(self.campaign_id, self.member_id, now=self.now)

    def ticket(self) -> dict[str, Any]:
        """Move the slider."""
        return self.sandbox.post("tencent-captcha/tickets", {})

    def is_solved(self, answer: dict[str, Any]) -> bool:
        """Say whether the answer is good."""
        return self.slider.is_solved(
            self.campaign_id, self.member_id, answer, address=ADDRESS, now=self.now
        )


@pytest.fixture
def member(sandbox_server: SandboxServer) -> Iterator[Member]:
    """Return a member at a slider; no fault is left behind."""
    yield Member(make_slider(sandbox_server), sandbox_server)
    sandbox_server.post("reset", {})


class TestSlider:
    def test_a_ticket_solves_it_once(self, member: Member) -> None:
        names = member.sandbox.credentials["tencent_captcha"]
        assert member.posed() == {"kind": "tencent_captcha", "app_id": names["app_id"]}
        ticket = member.ticket()
        assert [member.is_solved(ticket) for _ in range(2)] == [True, False]
        assert not member.is_solved(member.ticket() | {"randstr": "@no"})
        assert member.posed()["kind"] == "tencent_captcha"  # a bad ticket is nobody's outage

    def test_without_a_ticket_nothing_is_asked(self, member: Member) -> None:
        assert not member.is_solved({})
        assert not member.is_solved({"ticket": "t", "randstr": "", "seed": "", "answer": ""})

    @pytest.mark.parametrize("kind", ["drop", "error", "timeout_after_acting", "bad_signature"])
    def test_while_it_is_out_work_is_posed_instead(self, member: Member, kind: str) -> None:
        fault = {"target": TARGET, "kind": kind, "times": 1, "delay_seconds": 0.01}
        member.sandbox.post("faults", fault)
        assert not member.is_solved(member.ticket())
        posed = member.posed()
        assert posed["kind"] == "proof_of_work"
        answer = challenges.solve(posed["seed"], posed["bits"])
        work = {"ticket": "", "randstr": "", "seed": posed["seed"], "answer": answer}
        assert member.is_solved(work)
        assert not Member(member.slider, member.sandbox).is_solved(work)  # it is not theirs
        assert member.is_solved(member.ticket())  # whoever had the page open is served, too
        member.now += OUT_FOR
        assert member.posed()["kind"] == "tencent_captcha"

    def test_a_key_that_is_not_good_is_an_outage(self, sandbox_server: SandboxServer) -> None:
        """And none of the member's fault."""
        member = Member(make_slider(sandbox_server, secret_key="another"), sandbox_server)
        assert not member.is_solved(member.ticket())
        assert member.posed()["kind"] == "proof_of_work"

    def test_nobody_at_the_other_end_is_one(self, sandbox_server: SandboxServer) -> None:
        away = make_slider(sandbox_server, base_url="http://127.0.0.1:1")
        member = Member(away, sandbox_server)
        assert not member.is_solved(member.ticket())
        assert member.posed()["kind"] == "proof_of_work"
