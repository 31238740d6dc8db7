"""One action on many rows: said before, done and told row by row; and undoing for a moment."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from kit.crypto import new_token
from kit.ids import new_id
from kit.outbox import OutboxEvent
from shop.campaigns import jobs
from shop.campaigns.models import CampaignStatus
from shop.cards.models import Batch, BatchStatus
from shop.operators.models import OperatorAction
from tests.console.markup import read
from tests.console.office import Clerk, Office, hidden
from tests.console.test_campaigns import actions, publish, status_of
from tests.miniprogram_api.cards import import_codes

S = CampaignStatus
DONE = "console-done"


def make_batches(office: Office, count: int) -> list[UUID]:
    """Return batches whose codes are on sale."""
    for _ in range(count):
        import_codes(office.world.begin, office.world.vault, office.world.make_sku(stock=0), 2,
                     now=office.world.now)  # fmt: skip
    with office.world.begin() as session:
        return list(session.scalars(select(Batch.id).order_by(Batch.id.desc()).limit(count)))


def state(office: Office, batch_id: UUID) -> BatchStatus:
    """Return how a batch stands."""
    with office.world.begin() as session:
        return session.get_one(Batch, batch_id).status


def send(clerk: Clerk, action: str, picked: list[str], **fields: str) -> TestResponse:
    """Confirm an action on these rows."""
    return clerk.post(f"/many/{action}", pick=picked, **{"form_key": new_token(), **fields})


def live(office: Office, *names: str) -> tuple[Clerk, list[str]]:
    """Return a planner, and campaigns that sell."""
    clerk = office.clerk("planner")
    made = [publish(office, clerk, name=name) for name in names]
    office.world.now += timedelta(hours=1, minutes=1)
    jobs.turn_due_campaigns(office.world.begin, now=office.world.now)
    return office.clerk("planner"), made


def undoing(page: str) -> str:
    """Return where the page offers to undo what was done."""
    found = re.search(r'action="/console(/undo/[^"]+)"', page)
    assert found is not None, page
    return found[1]


class TestMany:
    def test_what_will_happen_is_said_and_nothing_done(self, office: Office) -> None:
        clerk, (first, second) = office.clerk("planner"), make_batches(office, 2)
        clerk.post(f"/stock/batches/{second}/freeze")
        page = clerk.page("/stock")
        assert all(f'name="pick" value="{one}"' in page for one in (first, second))
        assert 'formaction="/console/many/stock.freeze"' in page
        asked = clerk.page(f"/many/stock.freeze?pick={first}&pick={second}&pick={new_id()}&pick=x")
        assert "对 1 行执行：冻结批次" in asked
        assert "2 行已经不在" in asked
        assert asked.count("被拒绝：状态不符") == 1
        assert state(office, first) is BatchStatus.OPEN
        assert clerk.get("/many/stock.freeze").status_code == 422

    def test_each_row_is_a_deed_of_its_own_and_is_told(self, office: Office) -> None:
        clerk, made = office.clerk("planner"), make_batches(office, 3)
        clerk.post(f"/stock/batches/{made[1]}/freeze")
        before = len(actions(office))
        answer = send(clerk, "stock.freeze", [str(one) for one in made] + ["nonsense"])
        page = answer.get_data(as_text=True)
        assert "完成 2 行，拒绝 2 行" in page
        assert [state(office, one) for one in made] == [BatchStatus.FROZEN] * 3
        assert actions(office)[before:] == [("stock.freeze", clerk.name)] * 2
        undone = re.search(r'href="/console(/many/stock.unfreeze[^"]+)"', page)
        assert undone is not None
        assert "对 2 行执行：解冻批次" in clerk.page(unescape(undone[1]))

    def test_a_double_click_does_it_once(self, office: Office) -> None:
        clerk, made = office.clerk("planner"), make_batches(office, 2)
        picked, key = [str(one) for one in made], new_token()
        pages = [send(clerk, "stock.freeze", picked, form_key=key).text for _ in range(2)]
        assert all("完成 2 行，拒绝 0 行" in page for page in pages)
        assert len(actions(office)) == 2
        assert "完成 0 行，拒绝 2 行" in send(clerk, "stock.freeze", picked).text  # meant anew

    def test_campaigns_are_paused_with_one_reason(self, office: Office) -> None:
        clerk, made = live(office, "甲", "乙")
        unsaid = send(clerk, "campaigns.pause", made)
        assert unsaid.status_code == 422
        assert "请填写原因" in unsaid.text
        assert all(f'value="{one}"' in unsaid.text for one in made)  # what was chosen still is
        assert "完成 2 行" in send(clerk, "campaigns.pause", made, why="补货中").text
        assert [status_of(office, one) for one in made] == [S.PAUSED] * 2
        assert "完成 2 行" in send(clerk, "campaigns.resume", made).text
        assert [status_of(office, one) for one in made] == [S.LIVE] * 2

    def test_events_that_gave_up_go_to_their_handlers_again(self, office: Office) -> None:
        ids = [new_id(), new_id()]
        with office.world.begin() as session:
            session.add_all(
                OutboxEvent(id=one, name="x.happened", payload={}, emitted_at=office.world.now)
                for one in ids
            )
        clerk = office.clerk("finance")
        assert clerk.page("/jobs").count('name="pick"') == 2
        page = send(clerk, "events.retry", [str(one) for one in ids]).text
        assert "完成 2 行" in page
        assert "撤销" not in page
        with office.world.begin() as session:
            rows = [session.get_one(OutboxEvent, one) for one in ids]
        assert all(row.next_attempt_at == office.world.now for row in rows)

    def test_who_may_do_nothing_has_nothing_to_choose(self, office: Office) -> None:
        make_batches(office, 1)
        assert 'name="pick"' not in office.clerk("auditor").page("/stock")

    def test_hostile_rows_are_told_as_texts(self, office: Office) -> None:
        clerk = office.clerk("owner")
        for action in ("stock.freeze", "campaigns.resume", "refunds.retry", "events.retry"):
            answer = send(clerk, action, ["<script>alert(1)</script>", "x" * 500])
            assert answer.status_code == 200
            assert "拒绝 2 行" in answer.text
            assert read(answer.text).dangers == []


class TestUndo:
    def test_what_was_just_done_is_undone(self, office: Office) -> None:
        clerk, made = live(office, "甲")
        path = f"/campaigns/{made[0]}"
        clerk.post(f"{path}/pause", version=clerk.version(path), why="手滑")
        page = clerk.page(path)
        place, key = undoing(page), hidden(page.partition("/undo/")[2], "form_key")
        for _ in range(2):  # a double click, too
            assert clerk.post(place, form_key=key).status_code == 303
        assert status_of(office, made[0]) is S.LIVE
        assert "/undo/" not in clerk.page(path)
        with office.world.begin() as session:
            deeds = session.scalars(select(OperatorAction).order_by(OperatorAction.id)).all()
        undone = [deed for deed in deeds if "undoes" in (deed.after or {})]
        paused = next(deed for deed in deeds if deed.action == "campaigns.pause")
        assert [deed.after["undoes"] for deed in undone if deed.after] == [str(paused.id)]

    def test_a_resumed_campaign_pauses_for_its_old_reason(self, office: Office) -> None:
        clerk, made = live(office, "甲")
        path = f"/campaigns/{made[0]}"
        clerk.post(f"{path}/pause", version=clerk.version(path), why="补货中")
        clerk.post(f"{path}/resume", version=clerk.version(path))
        assert clerk.post(undoing(clerk.page(path))).status_code == 303
        assert status_of(office, made[0]) is S.PAUSED
        assert "补货中" in clerk.page(path)

    def test_is_offered_for_a_moment_to_whoever_did_it(self, office: Office) -> None:
        clerk, other = office.clerk("planner"), office.clerk("planner")
        (batch,) = make_batches(office, 1)
        clerk.post(f"/stock/batches/{batch}/freeze")
        place, cookie = (
            undoing(clerk.page("/stock")),
            clerk.client.get_cookie(DONE, path="/console"),
        )
        assert cookie is not None
        other.client.set_cookie(DONE, cookie.value, path="/console")
        assert "/undo/" not in other.page("/stock")
        assert other.post(place).status_code == 404
        office.world.now += timedelta(seconds=11)
        assert "/undo/" not in clerk.page("/stock")
        office.world.now += timedelta(seconds=10)
        assert clerk.post(place).status_code == 409
        assert state(office, batch) is BatchStatus.FROZEN

    def test_what_somebody_changed_since_is_left_alone(self, office: Office) -> None:
        clerk, made = live(office, "甲")
        path = f"/campaigns/{made[0]}"
        other = office.clerk("planner")
        clerk.post(f"{path}/pause", version=clerk.version(path), why="一")
        place = undoing(clerk.page(path))
        other.post(f"{path}/resume", version=other.version(path))
        other.post(f"{path}/pause", version=other.version(path), why="二")
        assert clerk.post(place).status_code == 409
        assert status_of(office, made[0]) is S.PAUSED

    @pytest.mark.parametrize("cookie", ["", "nonsense", str(UUID(int=0))])
    def test_a_cookie_of_nothing_offers_nothing(self, office: Office, cookie: str) -> None:
        clerk = office.clerk("planner")
        clerk.client.set_cookie(DONE, cookie, path="/console")
        assert "/undo/" not in clerk.page("/stock")
        assert clerk.post(f"/undo/stock.freeze/{new_id()}").status_code == 404
