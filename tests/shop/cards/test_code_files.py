"""Reading files of codes: encodings, separators, headers, dates, formulas, hostile workbooks."""

import contextlib
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.cards.batches import NewCard
from shop.cards.code_lines import BadLine, Columns, Fault, FileRefused, Line, mask, read_card
from shop.cards.importing import read_cards
from tests.shop.cards.code_files import (
    SHEET,
    STRINGS,
    bomb,
    overlapping,
    sheet_xml,
    text_file,
    with_part,
    workbook,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Told = tuple[int, str, str | None]


def read(path: Path) -> list[Told]:
    """Return (line, code, password) of each card, (line, fault, masked) of each refusal."""
    told: list[Told] = []
    for outcome in read_cards(path, now=NOW):
        if isinstance(outcome, NewCard):
            told.append((outcome.line, outcome.secret.code, outcome.secret.password))
        else:
            told.append((outcome.number, outcome.fault.name, outcome.masked))
    return told


def expiries(path: Path) -> list[datetime | Fault | None]:
    return [
        outcome.expires_at if isinstance(outcome, NewCard) else outcome.fault
        for outcome in read_cards(path, now=NOW)
    ]


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_e83_any_encoding_separator_and_line_end(
        self, tmp_path: Path, encoding: str, separator: str, end: str
    ) -> None:
        rows = [("卡密", "密码", "备注"), ("ABCD-1234", "口令", "好"), ("EFGH-5678", "", "")]
        content = end.join(separator.join(row) for row in rows) + end
        assert read(text_file(tmp_path, content, encoding=encoding)) == [
            (2, "ABCD-1234", "口令"),
            (3, "EFGH-5678", None),
        ]

    def test_one_code_per_line_needs_no_header(self, tmp_path: Path) -> None:
        assert read(text_file(tmp_path, "ABCD-1234\n\n  EFGH 5678  \n")) == [
            (1, "ABCD-1234", None),
            (3, "EFGH 5678", None),
        ]

    @pytest.mark.parametrize(
        ("header", "row", "expected"),
        [
            ("code", "AAAA1", ("AAAA1", None)),
            ("Code,Password", "AAAA1,p", ("AAAA1", "p")),
            ("密码,卡号", "p,AAAA1", ("AAAA1", "p")),
            ("卡号,卡密", "AAAA1,p", ("AAAA1", "p")),  # the secret beside a number
            ("卡密", "AAAA1", ("AAAA1", None)),
            ("序号,卡密,PIN", "1,AAAA1,p", ("AAAA1", "p")),
            ('"card_code","password"', '"AAAA1","p,q"', ("AAAA1", "p,q")),
        ],
    )
    def test_headers(
        self, tmp_path: Path, header: str, row: str, expected: tuple[str, str | None]
    ) -> None:
        assert read(text_file(tmp_path, f"{header}\n{row}\n")) == [(2, *expected)]

    @pytest.mark.parametrize("header", ["code,code", "密码", "code,cdk", "password,expires"])
    def test_refuses_unclear_headers(self, tmp_path: Path, header: str) -> None:
        with pytest.raises(FileRefused):
            read(text_file(tmp_path, f"{header}\nAAAA1,BBBB2\n"))

    def test_sells_no_unknown_header_as_a_code(self, tmp_path: Path) -> None:
        with pytest.raises(FileRefused):
            read(text_file(tmp_path, "Serial,Secret\nABCD-EFGH-1234,p\n"))
        assert len(read(text_file(tmp_path, "ABCDEFGH\nABCD1234\n"))) == 2

    def test_e83_two_encodings_in_one_file_are_not_guessed(self, tmp_path: Path) -> None:
        content = b"AAAA1,\xc4\xa3\n" + "BBBB2,密码啊".encode() + b"\nCCCC3,\xff\xff\nDDDD4,ok\n"
        content += "EEEE5,口令".encode("gb18030") + b"\n"
        assert read(text_file(tmp_path, content)) == [
            (1, "ENCODING", ""),
            (2, "ENCODING", ""),
            (3, "ENCODING", ""),
            (4, "DDDD4", "ok"),
            (5, "EEEE5", "口令"),
        ]

    def test_refuses_utf_16_and_old_workbooks(self, tmp_path: Path) -> None:
        for content in ("AAAA1\n".encode("utf-16"), b"\xd0\xcf\x11\xe0" + bytes(600)):
            with pytest.raises(FileRefused):
                read(text_file(tmp_path, content))

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("=cmd|' /C calc'!A0", Fault.FORMULA),
            ("+86123456", Fault.FORMULA),
            ("@SUM(A1)", Fault.FORMULA),
            ("＝ABCD1", Fault.FORMULA),
            ("AB1", Fault.SHORT),
            ("-- -- 1", Fault.SHORT),
            ("A" * 129, Fault.LONG),
            ("ABCD\x001234", Fault.UNPRINTABLE),
            ("ABCD\x071234", Fault.UNPRINTABLE),
            ("ABCD\u200b1234", Fault.UNPRINTABLE),
            ("ABCD\u202e1234", Fault.UNPRINTABLE),
            ("卡密一二三四", Fault.FOREIGN),
            ("ABC\u0414-1234", Fault.FOREIGN),
            ("1.23457E+17", Fault.ROUNDED),
            ("A" * 5000, Fault.TOO_LONG),
            ('"ABCD1234', Fault.QUOTES),
            ("ABCD1234,p,2030-01-01,x", Fault.COLUMNS),
            (",password", Fault.EMPTY),
            ("ABCD1234," + "p" * 129, Fault.PASSWORD),
            ("ABCD1234,=1+1", Fault.PASSWORD),
            ("AB;CD1234", Fault.SEPARATOR),
        ],
    )
    def test_e83_refuses_what_is_no_code(self, tmp_path: Path, line: str, fault: Fault) -> None:
        path = text_file(tmp_path, f"GOOD-CODE-1,p\n{line}\nGOOD-CODE-2,p\n")
        told = read(path)
        assert [entry[1] for entry in told] == ["GOOD-CODE-1", fault.name, "GOOD-CODE-2"]

    @pytest.mark.parametrize(
        "code",
        ["-ABCD1234", "AB=CD", "https://example.com/a?b=1#c", "1234567890123456", "ＡＢＣＤ１"],
    )
    def test_takes_odd_but_sane_codes(self, tmp_path: Path, code: str) -> None:
        assert read(text_file(tmp_path, f"code\n{code}\n")) == [(2, code, None)]

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("", None),
            ("2026-12-31", datetime(2026, 12, 31, 16, tzinfo=UTC)),
            ("2026/12/31", datetime(2026, 12, 31, 16, tzinfo=UTC)),
            ("2026年12月31日", datetime(2026, 12, 31, 16, tzinfo=UTC)),
            ("20261231", datetime(2026, 12, 31, 16, tzinfo=UTC)),
            ("2026-12-31 18:30", datetime(2026, 12, 31, 10, 30, tzinfo=UTC)),
            ("2026-12-31T18:30:05", datetime(2026, 12, 31, 10, 30, 5, tzinfo=UTC)),
            ("2026-11-20", datetime(2026, 11, 20, 16, tzinfo=UTC)),  # good until midnight
            ("2026-11-19", Fault.EXPIRED),
            ("2026-02-30", Fault.BAD_DATE),
            ("31/12/2026", Fault.BAD_DATE),
            ("soon", Fault.BAD_DATE),
            ("9999-12-31", Fault.BAD_DATE),
            ("2026-12-31 25:00", Fault.BAD_DATE),
        ],
    )
    def test_dates(self, tmp_path: Path, written: str, expected: datetime | Fault | None) -> None:
        assert expiries(text_file(tmp_path, f"ABCD1234,p,{written}\n")) == [expected]

    def test_e83_a_file_without_line_ends_takes_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "codes.csv"
        with path.open("wb") as file:
            for _ in range(64):
                file.write(b"A" * (1 << 20))
        tracemalloc.start()
        told = read(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert told == [(1, "TOO_LONG", "")]
        assert peak < 4 << 20


class TestWorkbook:
    def test_reads_texts_numbers_and_dates(self, tmp_path: Path) -> None:
        rows = [
            ["卡号", "密码", "有效期"],
            ["ABCD-1234", "p", date(2026, 12, 31)],
            [123456789012345, 42, "2026-12-31"],
            [],
            ["EFGH-5678", None, datetime(2026, 12, 31, 18, 30)],  # noqa: DTZ001 - as a workbook has it
        ]
        path = workbook(tmp_path, rows)
        assert read(path) == [
            (2, "ABCD-1234", "p"),
            (3, "123456789012345", "42"),
            (5, "EFGH-5678", None),
        ]
        end = datetime(2026, 12, 31, 16, tzinfo=UTC)
        assert expiries(path) == [end, end, datetime(2026, 12, 31, 10, 30, tzinfo=UTC)]

    def test_e83_refuses_formulas_and_what_a_spreadsheet_changed(self, tmp_path: Path) -> None:
        rows = [
            ["code", "password"],
            ['=HYPERLINK("http://x")', "p"],
            [1234567890123456789, "p"],
            [1.5, "p"],
            [True, "p"],
            [date(2026, 12, 31), "p"],
            ["ABCD1234", "=1+1"],
            ["GOOD-CODE", "p"],
        ]
        assert [entry[1] for entry in read(workbook(tmp_path, rows))] == [
            "FORMULA",
            "ROUNDED",
            "NOT_TEXT",
            "NOT_TEXT",
            "NOT_TEXT",
            "FORMULA",
            "GOOD-CODE",
        ]

    def test_refuses_a_second_filled_sheet(self, tmp_path: Path) -> None:
        assert read(workbook(tmp_path, [], [["ABCD1234"]])) == [(1, "ABCD1234", None)]
        with pytest.raises(FileRefused):
            read(workbook(tmp_path, [["ABCD1234"]], [["EFGH5678"]]))

    def test_trusts_no_stated_size(self, tmp_path: Path) -> None:
        rows = b'<row><c t="inlineStr"><is><t>ABCD1234</t></is></c></row>' * 3
        lie = sheet_xml(rows).replace(b"<sheetData>", b'<dimension ref="A1"/><sheetData>')
        assert len(read(with_part(tmp_path, SHEET, lie))) == 3

    def test_e83_refuses_a_bomb_quickly(self, tmp_path: Path) -> None:
        path = bomb(tmp_path)
        assert path.stat().st_size < 2 << 20
        tracemalloc.start()
        with pytest.raises(FileRefused):
            read(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 << 20

    @pytest.mark.parametrize(
        ("part", "content"),
        [
            (SHEET, sheet_xml(b"<row>" + b"<c><v>1</v></c>" * 3000 + b"</row>")),
            (SHEET, sheet_xml(b"<row><c><v>" + b"1" * 100_000 + b"</v></c></row>")),
            (SHEET, sheet_xml(b"<a>" * 40 + b"</a>" * 40)),
            (SHEET, sheet_xml(b"", head=b'<!DOCTYPE x [<!ENTITY a "aaaa">]>')),
            (SHEET, b"<styleSheet/>"),
            (SHEET, b"no xml"),
            (SHEET, sheet_xml(b'<row><c t="s"><v>999</v></c></row>')),
            (SHEET, sheet_xml(b'<row><c t="n"><v>x</v></c></row>')),
            (STRINGS, b"<sst><si>" + b"<r><t>a</t></r>" * 3000 + b"</si></sst>"),
            ("xl/styles.xml", b"<broken"),
            ("xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY a "a">]><workbook>&a;</workbook>'),
        ],
    )
    def test_e83_refuses_hostile_parts(self, tmp_path: Path, part: str, content: bytes) -> None:
        with pytest.raises(FileRefused) as refused:
            read(with_part(tmp_path, part, content))
        assert refused.value.__cause__ is None

    def test_e83_refuses_overlapping_parts(self, tmp_path: Path) -> None:
        with pytest.raises(FileRefused):
            read(overlapping(tmp_path))

    def test_e83_rows_of_impossible_number_end_somewhere(self, tmp_path: Path) -> None:
        rows = b'<row r="999999999"><c><v>12345</v></c></row>'
        with pytest.raises(FileRefused):
            read(with_part(tmp_path, SHEET, sheet_xml(rows)))

    @given(content=st.binary(max_size=400))
    def test_e83_any_bytes_are_read_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes
    ) -> None:
        folder = tmp_path_factory.mktemp("fuzz")
        for start in (b"", b"PK\x03\x04", b"code,password\n"):
            with contextlib.suppress(FileRefused):
                read(text_file(folder, start + content))


class TestMask:
    @pytest.mark.parametrize(
        ("code", "shown"),
        [("ABCDEFGH", "…GH"), ("ABCDEFG", "…"), ("", "…"), ("ABCDEFG\n", "…"), (Fault.SHORT, "…")],
    )
    def test_shows_two_characters_at_most(self, code: str, shown: str) -> None:
        assert mask(code) == shown

    @given(st.text(max_size=200))
    def test_e79_no_refusal_shows_more_of_a_line(self, code: str) -> None:
        told = read_card(Line(1, [code]), Columns(), now=NOW - timedelta(days=1))
        if isinstance(told, BadLine):
            assert len(told.masked) <= 3
            assert code not in repr(told) or len(code) < 8
        assert len(code) < 8 or code not in repr(Line(1, [code])) + repr(told)
