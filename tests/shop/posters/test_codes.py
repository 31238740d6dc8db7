"""Codes of invites: asked for once, made by the sweep, kept while a platform is out."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.sweep import Swept
from shop.posters import queries, service
from shop.posters.jobs import make_due_codes
from shop.posters.makers import CodeKind
from shop.posters.models import PlatformCode
from tests.factories.referrals import ReferralBench
from tests.miniprogram_api.platforms import MemoryMaker


class Workshop:
    """An invite, and makers in memory."""

    def __init__(self, bench: ReferralBench) -> None:
        self.bench = bench
        self.makers = {kind: MemoryMaker(kind) for kind in CodeKind}
        self.invite = bench.invite(bench.member())

    def look(self) -> dict[CodeKind, PlatformCode]:
        """Look at the invite, which has missing codes made."""
        with self.bench.begin() as session:
            return dict(service.want_codes(session, self.invite.id, now=self.bench.now))

    def sweep(self) -> Swept:
        """Ring the sweep."""
        return make_due_codes(self.bench.begin, self.makers, now=self.bench.now)

    def rows(self) -> dict[CodeKind, PlatformCode]:
        """Return what is kept."""
        with self.bench.begin() as session:
            return {code.kind: code for code in queries.list_codes(session, self.invite.id)}

    def times(self) -> list[int]:
        """Return how often each platform was asked."""
        return [len(self.makers[kind].asked) for kind in CodeKind]


@pytest.fixture
def shop(bench: ReferralBench) -> Workshop:
    """Return a workshop in which nothing is made yet."""
    return Workshop(bench)


class TestMaking:
    """want_codes and make_due_codes."""

    def test_each_is_made_once_however_often_one_looks(self, shop: Workshop) -> None:
        """A code has no end; nobody is asked for it again."""
        assert shop.look() == {}
        assert shop.look() == {}
        assert shop.sweep() == Swept(done=3, failed=0)
        assert set(shop.look()) == set(CodeKind)
        assert shop.sweep() == Swept(done=0, failed=0)
        assert shop.times() == [1, 1, 1]
        assert {asked for maker in shop.makers.values() for asked in maker.asked} == {
            shop.invite.code
        }

    def test_a_platform_that_is_out_keeps_nobody_waiting(self, shop: Workshop) -> None:
        """The others are made; it is asked again later, and only it."""
        shop.makers[CodeKind.WECHAT_CODE].is_silent = True
        shop.look()
        shop.sweep()
        assert set(shop.look()) == {CodeKind.WECHAT_LINK, CodeKind.ALIPAY_CODE}
        shop.makers[CodeKind.WECHAT_CODE].is_silent = False
        shop.bench.now += timedelta(seconds=2)
        shop.sweep()
        assert set(shop.look()) == set(CodeKind)
        assert shop.times() == [2, 1, 1]

    def test_what_somebody_must_repair_is_asked_for_each_hour(self, shop: Workshop) -> None:
        """A page that is not published yet will be."""
        shop.makers[CodeKind.WECHAT_CODE].refuses = True
        shop.look()
        shop.sweep()
        due_at = shop.rows()[CodeKind.WECHAT_CODE].due_at
        assert due_at == shop.bench.now + timedelta(hours=1)
        assert shop.rows()[CodeKind.WECHAT_CODE].last_error == "errcode 41030"

    def test_a_crash_during_the_call_costs_a_minute(self, shop: Workshop) -> None:
        """The lease runs out, and the code is due again."""
        shop.look()
        code_id = shop.rows()[CodeKind.WECHAT_CODE].id
        assert self.take(shop, code_id) is not None
        assert self.take(shop, code_id) is None
        shop.bench.now += timedelta(seconds=61)
        assert self.take(shop, code_id) == (CodeKind.WECHAT_CODE, shop.invite.code)

    def take(self, shop: Workshop, code_id: UUID) -> tuple[CodeKind, str] | None:
        """Take a code for a call."""
        with shop.bench.begin() as session:
            return service.take_code(session, code_id, now=shop.bench.now)


class TestLinks:
    """Links end; codes do not."""

    def test_a_link_is_made_anew_when_somebody_looks_before_its_end(self, shop: Workshop) -> None:
        """The old one is shown until then, and never after its end."""
        shop.look()
        shop.sweep()
        first = shop.look()[CodeKind.WECHAT_LINK].url
        shop.bench.now += timedelta(days=28)
        assert shop.sweep() == Swept(done=0, failed=0)
        assert shop.look()[CodeKind.WECHAT_LINK].url == first
        assert shop.sweep() == Swept(done=1, failed=0)
        second = shop.look()[CodeKind.WECHAT_LINK].url
        assert second != first
        shop.bench.now += timedelta(days=31)
        assert CodeKind.WECHAT_LINK not in shop.look()
        assert shop.times() == [1, 2, 1]
