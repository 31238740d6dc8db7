"""Card stock in the console: files tried and imported, errors masked, batches frozen and undone."""

import io
import re
import tempfile
from uuid import UUID, uuid4

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from console import stock
from shop.cards.models import Batch, BatchStatus, Card
from shop.operators.models import OperatorAction
from tests.console.office import Clerk, Office


def send(clerk: Clerk, sku_id: UUID, text: str, **fields: str) -> TestResponse:
    """Send a file of codes."""
    file = (io.BytesIO(text.encode()), "codes.csv")
    return clerk.post("/stock/import", file=file, sku_id=str(sku_id), source="青禾", **fields)


def codes(count: int) -> list[str]:
    """Return fresh codes."""
    return [f"STOCK-{uuid4().hex[:16].upper()}" for _ in range(count)]


def count_cards(office: Office, sku_id: UUID) -> int:
    """Count the cards of a SKU."""
    counted = select(func.count()).select_from(Card).where(Card.sku_id == sku_id)
    with office.world.begin() as session:
        return session.scalar(counted) or 0


def last_batch(office: Office) -> Batch:
    """Return the newest batch."""
    with office.world.begin() as session:
        return session.scalars(select(Batch).order_by(Batch.id.desc()).limit(1)).one()


class TestImporting:
    def test_e85_a_check_writes_nothing_and_shows_no_code(self, office: Office) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        given = codes(3)
        answer = send(clerk, sku_id, "\n".join([*given, given[0], "x"]), do="check")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert "5 行，可导入 3，不可导入 2" in page
        assert "与文件前面的卡密重复" in page
        assert not any(code in page for code in given)
        assert count_cards(office, sku_id) == 0

    def test_refused_lines_come_as_a_file_with_their_codes_masked(self, office: Office) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        given = codes(1)
        answer = send(clerk, sku_id, "\n".join([*given, given[0], "=1+1"]), do="errors")
        text = answer.get_data(as_text=True)
        assert answer.headers["Content-Disposition"] == "attachment; filename=errors.csv"
        assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["2", "3"]
        assert given[0] not in text
        assert "=1+1" not in text

    def test_imports_whole_or_not_at_all_and_writes_it_down(self, office: Office) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        text = "\n".join([*codes(4), "x"])
        assert send(clerk, sku_id, text, do="import").status_code == 422
        assert count_cards(office, sku_id) == 0
        assert send(clerk, sku_id, text, do="import", skip_bad="yes").status_code == 303
        assert count_cards(office, sku_id) == 4
        with office.world.begin() as session:
            deed = session.scalars(
                select(OperatorAction).where(OperatorAction.action == "stock.import")
            ).one()
        assert deed.after is not None
        assert (deed.after["cards"], deed.after["refused"]) == (4, 1)
        assert deed.subject == str(last_batch(office).id)
        assert send(clerk, sku_id, text, do="import", skip_bad="yes").status_code == 422  # known
        assert send(clerk, sku_id, "", do="import").status_code == 422
        assert clerk.post("/stock/import", sku_id=str(sku_id)).status_code == 422
        assert send(clerk, uuid4(), "\n".join(codes(1)), do="import").status_code == 422

    def test_i142_a_file_s_name_leads_nowhere(self, office: Office) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        file = (io.BytesIO("\n".join(codes(2)).encode()), "../../../etc/passwd\x00.csv")
        answer = clerk.post("/stock/import", file=file, sku_id=str(sku_id), do="import")
        assert answer.status_code == 303
        assert re.fullmatch(r"[\w.-]+", last_batch(office).file_name)

    def test_no_code_comes_to_lie_on_a_disk(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        sheet, given = io.BytesIO(), Workbook()
        for code in codes(2):
            given.active.append([code])
        given.save(sheet)
        sheet.seek(0)

        def refuse(*_given: object, **_more: object) -> None:
            raise OSError

        monkeypatch.setattr(tempfile, "mkdtemp", refuse)
        monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refuse)
        assert send(clerk, sku_id, "\n".join(codes(2)), do="import").status_code == 303
        fields = {"file": (sheet, "codes.xlsx"), "sku_id": str(sku_id), "do": "import"}
        assert clerk.post("/stock/import", **fields).status_code == 303
        assert last_batch(office).file_name == "codes.xlsx"
        assert count_cards(office, sku_id) == 4

    def test_i143_a_file_of_too_many_lines_goes_by_the_command(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stock, "MOST_LINES", 3)
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        assert send(clerk, sku_id, "\n".join(codes(3)), do="check").status_code == 200
        answer = send(clerk, sku_id, "\n".join(codes(4)), do="check")
        assert answer.status_code == 422
        assert "flask cards import" in answer.get_data(as_text=True)

    def test_i143_a_file_that_is_too_large_is_refused(self, office: Office) -> None:
        clerk = office.clerk("planner")
        said = {"CONTENT_LENGTH": str(9 << 20)}
        answer = clerk.client.post("/console/stock/import", environ_overrides=said)
        assert answer.status_code == 413
        stranger = office.visitor()
        big = (io.BytesIO(b"x" * 100_000), "codes.csv")
        answer = stranger.post("/stock/import", file=big, csrf="", note="kept")
        assert answer.status_code == 401
        assert "kept" not in answer.get_data(as_text=True)


class TestBatches:
    def test_are_frozen_put_back_and_undone(self, office: Office) -> None:
        clerk, sku_id = office.clerk("planner"), office.world.make_sku(stock=0)
        assert send(clerk, sku_id, "\n".join(codes(2)), do="import").status_code == 303
        path = f"/stock/batches/{last_batch(office).id}"
        assert clerk.post(f"{path}/freeze").status_code == 303
        assert "已冻结" in clerk.page("/stock")
        assert clerk.post(f"{path}/freeze").status_code == 409
        assert clerk.post(f"{path}/unfreeze").status_code == 303
        assert clerk.post(f"{path}/undo").status_code == 303
        assert last_batch(office).status is BatchStatus.UNDONE
        assert count_cards(office, sku_id) == 0
        with office.world.begin() as session:
            done = session.scalars(select(OperatorAction.action).order_by(OperatorAction.id)).all()
        assert list(done) == ["stock.import", "stock.freeze", "stock.unfreeze", "stock.undo"]
