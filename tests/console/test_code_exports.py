"""Plain codes in the console: asked for, approved by another, fetched once, found nowhere else."""

import csv
import io
import logging
import re
from datetime import timedelta
from uuid import UUID, uuid4

import pyotp
import pytest
from sqlalchemy import select, text, update
from werkzeug.test import TestResponse

from shop.approvals.models import Approval, ApprovalStatus
from shop.cards.batches import NewCard, Origin, add_batch
from shop.cards.exporting import FETCHED_WITHIN
from shop.cards.models import Card
from shop.cards.vault import CardSecret
from shop.operators.models import Operator, OperatorAction
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import actions, landed
from tests.console.test_stock import codes, last_batch, send


def frozen(office: Office, clerk: Clerk, given: list[str]) -> UUID:
    """Import codes, freeze their batch and return its id."""
    assert (
        send(clerk, office.world.make_sku(stock=0), "\n".join(given), do="import").status_code
        == 303
    )
    batch_id = last_batch(office).id
    answer = clerk.post(f"/stock/batches/{batch_id}/freeze", page="batch")
    assert answer.headers["Location"] == f"/console/stock/batches/{batch_id}"
    return batch_id


def asked(clerk: Clerk, batch_id: UUID, why: str = "退还供应商") -> str:
    """Ask for the codes of a batch and return the request's id."""
    return landed(clerk.post(f"/stock/batches/{batch_id}/export", why=why))


def approved(office: Office, clerk: Clerk, second: Clerk, given: list[str]) -> str:
    """Ask for codes that are new, have them approved, and return the request's id."""
    approval_id = asked(clerk, frozen(office, clerk, given))
    assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
    return approval_id


def fetch(
    office: Office, clerk: Clerk, approval_id: str, *, code: str | None = None
) -> TestResponse:
    """Fetch codes with a fresh code of the authenticator, or with another one."""
    office.world.now += timedelta(seconds=60)
    shown = pyotp.TOTP(clerk.secret).at(office.world.now) if code is None else code
    return clerk.post(f"/approvals/{approval_id}/codes", code=shown)


def everything(office: Office) -> str:
    """Return every row of every table as text."""
    names = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    row = 'SELECT CAST(t AS text) FROM "TABLE" t'
    with office.world.begin() as session:
        return "".join(
            f"{table} {found}\n"
            for table in session.scalars(names)
            for found in session.scalars(text(row.replace("TABLE", table)))
        )


class TestExporting:
    def test_h133_a_second_person_lets_codes_out_once_and_every_card_tells(
        self, office: Office
    ) -> None:
        clerk, second, given = office.clerk("planner"), office.clerk("owner"), codes(3)
        batch_id = frozen(office, clerk, given)
        page = clerk.page(f"/stock/batches/{batch_id}")
        assert "可以导出 3 张未售出且未预留的卡密" in page
        approval_id = asked(clerk, batch_id)
        assert "导出申请正在等待审批" in clerk.page(f"/stock/batches/{batch_id}")
        assert clerk.post(f"/approvals/{approval_id}/approve").status_code == 403
        assert "下载 CSV" not in clerk.page(f"/approvals/{approval_id}")
        page = second.page(f"/approvals/{approval_id}")
        assert re.search(r"将交出的卡密</dt><dd>3<", page)
        assert "卡密不会显示给您" in page
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        assert "等待申请人" in second.page(f"/approvals/{approval_id}")
        assert "下载 CSV" in clerk.page(f"/approvals/{approval_id}")
        answer = fetch(office, clerk, approval_id)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=codes-")
        assert answer.data.startswith("\ufeff".encode())
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert rows[0] == ["card", "code", "password", "expires_at"]
        assert [row[1] for row in rows[1:]] == given
        assert "卡密已交出 3 张" in clerk.page(f"/approvals/{approval_id}")
        page = clerk.page(f"/stock/batches/{batch_id}")
        for words in (clerk.name, second.name, "退还供应商", "已作废"):
            assert words in page, words
        story = clerk.page(f"/stock/cards/{rows[1][0]}")
        assert re.search(
            rf"卡密明文导出，批准人 {second.name}，原因：退还供应商.*{clerk.name}", story
        )
        assert "未售 → 已作废" in story
        assert clerk.get(f"/search?q={rows[1][0]}").headers["Location"].endswith(rows[1][0])

    def test_the_audit_log_says_who_took_how_many_of_what_and_why(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("planner")
        approval_id = approved(office, clerk, second, codes(2))
        assert fetch(office, clerk, approval_id).status_code == 200
        assert actions(office) == [
            ("stock.import", clerk.name),
            ("stock.freeze", clerk.name),
            ("approvals.ask", clerk.name),
            ("stock.allow_export", second.name),
            ("approvals.approve", second.name),
            ("stock.export_codes", clerk.name),
        ]
        with office.world.begin() as session:
            taken = select(OperatorAction).where(OperatorAction.action == "stock.export_codes")
            deed = session.scalars(taken).one()
        assert deed.after is not None
        assert (deed.subject, deed.after["cards"]) == (str(last_batch(office).id), 2)
        assert (deed.after["request"], deed.after["why"]) == (approval_id, "退还供应商")

    def test_e83_cells_hold_no_formula(self, office: Office) -> None:
        clerk, second, world = office.clerk("planner"), office.clerk("owner"), office.world
        with world.begin() as session:
            added = add_batch(
                session,
                world.ports.vault,
                sku_id=world.make_sku(stock=0),
                cards=[NewCard(1, CardSecret("=1+1", "@pass")), NewCard(2, CardSecret("A-2"))],
                origin=Origin("old.csv", uuid4().hex * 2),
                now=world.now,
            )
        assert clerk.post(f"/stock/batches/{added.batch_id}/freeze").status_code == 303
        approval_id = asked(clerk, added.batch_id)
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        lines = fetch(office, clerk, approval_id).data.decode("utf-8-sig").splitlines()
        assert [line.split(",")[1:3] for line in lines[1:]] == [["'=1+1", "'@pass"], ["A-2", ""]]

    def test_e79_a_code_is_nowhere_but_in_its_file(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
        clerk, second, given = office.clerk("planner"), office.clerk("owner"), codes(20)
        approval_id = approved(office, clerk, second, given)
        told = fetch(office, clerk, approval_id).text
        assert all(code in told for code in given)
        card_id = told.splitlines()[1].split(",")[0]
        pages = ["/audit", "/approvals?shelf=over", f"/approvals/{approval_id}", "/stock"]
        pages += [f"/stock/batches/{last_batch(office).id}", f"/stock/cards/{card_id}"]
        redis = office.world.redis
        places = {
            "pages": "".join(second.page(path) for path in pages),
            "database": everything(office),
            "logs": caplog.text + "".join(str(record.args) for record in caplog.records),
            "redis": "".join(f"{key!r} {redis.dump(key)!r}" for key in redis.scan_iter()),
        }
        assert approval_id in places["database"]
        for place, kept in places.items():
            for code in given:
                assert code not in kept, place
                assert code.removeprefix("STOCK-").lower() not in kept.lower(), place


class TestRefusals:
    def test_h133_a_second_fetch_and_another_s(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        approval_id = approved(office, clerk, second, codes(1))
        answer = fetch(office, second, approval_id)
        assert answer.status_code == 403
        assert "只有申请人可以下载卡密" in answer.text
        assert fetch(office, clerk, approval_id).status_code == 200
        answer = fetch(office, clerk, approval_id)
        assert answer.status_code == 409
        assert "卡密已经下载过" in answer.text

    def test_a_late_fetch(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        approval_id = approved(office, clerk, second, codes(1))
        office.world.now += FETCHED_WITHIN
        answer = fetch(office, clerk, approval_id)
        assert answer.status_code == 409
        assert "下载时间已过" in answer.text
        page = clerk.page(f"/approvals/{approval_id}")
        assert "下载时间已过，没有交出卡密" in page
        assert "下载 CSV" not in page

    def test_h121_a_right_that_was_lost_meanwhile(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        approval_id = approved(office, clerk, second, codes(1))
        with office.world.begin() as session:
            mine = update(Operator).where(Operator.name == clerk.name)
            session.execute(mine.values(roles=["finance"]))
        assert "下载 CSV" not in clerk.page(f"/approvals/{approval_id}")
        assert fetch(office, clerk, approval_id).status_code == 403

    def test_h132_no_fresh_second_factor(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        approval_id = approved(office, clerk, second, codes(1))
        for wrong in ("", "000000", "no code"):
            answer = fetch(office, clerk, approval_id, code=wrong)
            assert answer.status_code == 422
            assert "验证码不正确或已经用过" in answer.text
            assert "下载 CSV" in answer.text  # it is typed anew
        assert fetch(office, clerk, approval_id).status_code == 200
        assert "其中 1 张曾经导出过" in clerk.page(f"/stock/batches/{last_batch(office).id}")
        again = asked(clerk, last_batch(office).id)
        page = second.page(f"/approvals/{again}")
        assert re.search(r"其中曾经导出过</dt><dd>1<", page)
        assert second.post(f"/approvals/{again}/approve").status_code == 303
        used = pyotp.TOTP(clerk.secret).at(office.world.now)
        assert clerk.post(f"/approvals/{again}/codes", code=used).status_code == 422

    def test_h133_before_anybody_approved_or_after_a_no(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        approval_id = asked(clerk, frozen(office, clerk, codes(1)))
        assert fetch(office, clerk, approval_id).status_code == 409
        assert second.post(f"/approvals/{approval_id}/refuse", why="没有凭证").status_code == 303
        answer = fetch(office, clerk, approval_id)
        assert answer.status_code == 409
        assert "没有经过第二人批准" in answer.text

    def test_a_batch_on_sale_or_without_a_reason(self, office: Office) -> None:
        clerk = office.clerk("planner")
        batch_id = frozen(office, clerk, codes(1))
        path = f"/stock/batches/{batch_id}"
        assert clerk.post(f"{path}/export", why=" ").status_code == 422
        assert clerk.post(f"{path}/unfreeze").status_code == 303
        answer = clerk.post(f"{path}/export", why="x")
        assert answer.status_code == 409
        assert "只能导出已冻结批次的卡密" in answer.text
        assert "只能导出已冻结批次的卡密" in clerk.page(path)
        assert "您的角色不能申请" not in clerk.page(path)

    def test_who_may_not_ask_is_told(self, office: Office) -> None:
        batch_id = frozen(office, office.clerk("planner"), codes(1))
        support = office.clerk("support")
        assert "您的角色不能申请导出卡密明文" in support.page(f"/stock/batches/{batch_id}")
        assert support.post(f"/stock/batches/{batch_id}/export", why="x").status_code == 403

    def test_what_changed_before_the_second_word(self, office: Office) -> None:
        clerk, second = office.clerk("planner"), office.clerk("owner")
        batch_id = frozen(office, clerk, codes(1))
        approval_id = asked(clerk, batch_id)
        assert clerk.post(f"/stock/batches/{batch_id}/unfreeze").status_code == 303
        assert "按现在的情况无法执行" in second.page(f"/approvals/{approval_id}")
        assert second.post(f"/approvals/{approval_id}/approve").status_code == 303
        with office.world.begin() as session:
            found = session.get_one(Approval, UUID(approval_id))
        assert found.status is ApprovalStatus.FAILED
        assert "审批通过，但没有执行" in clerk.page(f"/approvals/{approval_id}")


class TestPages:
    def test_of_what_is_not_there(self, office: Office) -> None:
        clerk = office.clerk("owner")
        for path in (f"/stock/batches/{uuid4()}", f"/stock/cards/{uuid4()}"):
            assert clerk.get(path).status_code == 404
        assert clerk.post(f"/approvals/{uuid4()}/codes", code="1").status_code == 404

    def test_a_long_batch_goes_on(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("console.batches.PAGE", 2)
        clerk = office.clerk("owner")
        path = f"/stock/batches/{frozen(office, clerk, codes(3))}"
        assert 'after=1"' in clerk.page(path)
        with office.world.begin() as session:
            last = session.scalars(select(Card.id).order_by(Card.id.desc()).limit(1)).one()
        assert str(last) in clerk.page(f"{path}?after=1")
        for nonsense in ("x", "-3", "٣", "9" * 10, "9" * 40):
            assert clerk.get(path, query_string={"after": nonsense}).status_code == 200
