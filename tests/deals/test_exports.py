"""Files people take away run nothing, lose nothing and keep numbers numbers (S12)."""

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportunities import exports

AT = datetime(2026, 11, 23, 10, 41, 2, tzinfo=UTC)
HEADING = exports.Heading("Deals", "2026-11-23 10:41:02+00:00", "owner: Theo", "Theo Okafor", AT)
ABOVE = 7

PAYLOADS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example","Click")',
    "+1-800-555",
    "-2+3",
    "-",
    "=",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    '="a"&"b"',
    '=DDE("cmd";"/C calc";"x")',
    '=IMPORTXML("http://evil.example")',
    "+cmd|' /C notepad'!A1",
    "-1",
    "-1e9",
    "+",
    "@",
    "=\u202e1",
    '=,"\r\n',
    '-"; DROP TABLE deals; --',
    "@@@@",
    "=A1\nB2",
    "\t",
    "\r\n",
    "\0\0",
    '=WEBSERVICE("http://evil.example")',
    "-\u00e9\u4e2d\U0001f4b0",
    "=2+5+cmd|' /C calc'!A0,next",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1:A9)",
]


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[ABOVE:]


def as_csv(*rows: exports.Row, columns: tuple[str, ...] = ("Name", "Value")) -> str:
    return "".join(exports.csv_text(columns, rows, HEADING))


def cells_of(workbook: bytes) -> list[tuple[str, str]]:
    """(type, value) of every cell below the names of the columns; `s` shared string, `n` number."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        strings = file.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    shared = [
        "".join(text.text or "" for text in item.iter(f"{space}t"))
        for item in ElementTree.fromstring(strings)  # noqa: S314 - our own bytes
    ]
    found = []
    for row in ElementTree.fromstring(sheet).iter(f"{space}row"):  # noqa: S314 - our own bytes
        if int(row.attrib["r"]) <= ABOVE:
            continue
        for cell in row:
            kind, value = cell.attrib.get("t", "n"), cell.findtext(f"{space}v") or ""
            found.append((kind, shared[int(value)] if kind == "s" else value))
    return found


def test_thirty_payloads_are_words_and_nothing_else_in_both_kinds_of_file() -> None:
    assert len(PAYLOADS) >= 30
    for payload in PAYLOADS:
        # As a value of a deal, as the name of a stage in the heading, and as the name of a column.
        heading = exports.Heading(payload, payload, payload, payload, AT)
        text = "".join(exports.csv_text((payload, "Value"), [(payload, -5)], heading))
        for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
            assert all(not cell.startswith(exports.DANGEROUS) for cell in row[:1])
        assert rows_of(text) == [[f"'{payload}", "-5"]]

        kind, value = cells_of(exports.xlsx_bytes(("Name", "Value"), [(payload, -5)], HEADING))[0]
        assert kind == "s"
        assert re.sub(r"_x000[09D]_", "", value).strip("\0\t\r\n ") == payload.strip("\0\t\r\n ")


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers()), max_size=8))
def test_any_text_comes_back_as_it_was_but_for_the_apostrophe(rows: list[tuple[str, int]]) -> None:
    back = rows_of(as_csv(*rows))

    assert [(text, int(number)) for text, number in back] == [
        (exports.harmless(text), number) for text, number in rows
    ]
    assert all(not text.startswith(exports.DANGEROUS) for text, _ in back)
    assert all(text in (plain, f"'{plain}") for (text, _), (plain, _) in zip(back, rows, strict=True))


def test_numbers_days_and_moments_are_what_they_are() -> None:
    row = (-1_000, Decimal("2.5"), date(2026, 11, 30), AT, None, "640,000", '5" nail')

    [line] = rows_of(as_csv(row, columns=tuple("abcdefg")))
    cells = cells_of(exports.xlsx_bytes(tuple("abcdefg"), [row], HEADING))

    assert line == ["-1000", "2.5", "2026-11-30", "2026-11-23 10:41:02+00:00", "", "640,000", '5" nail']
    assert [kind for kind, _ in cells] == ["n", "n", "n", "n", "s", "s"]
    assert cells[0] == ("n", "-1000")


def test_the_heading_says_what_how_old_of_which_and_by_whom() -> None:
    text = as_csv(("Okonkwo, rollover", 1))

    assert text.startswith(
        "\ufeffDeals,\r\nSlant data as of,2026-11-23 10:41:02+00:00\r\nFilters,owner: Theo\r\n"
    )
    assert (
        "\r\nExported by,Theo Okafor\r\nExported at,2026-11-23 10:41:02+00:00\r\n\r\nName,Value\r\n" in text
    )
    assert text.endswith('"Okonkwo, rollover",1\r\n')


def test_rows_are_streamed_and_not_gathered() -> None:
    asked = []

    def rows() -> object:
        for number in range(1_000):
            asked.append(number)
            yield ("deal", number)

    pieces = exports.csv_text(("Name", "Value"), rows(), HEADING)  # type: ignore[arg-type]

    next(pieces)
    assert len(asked) <= exports.ROWS_AT_ONCE
    assert sum(piece.count("\r\n") for piece in pieces) == 1_000 - len(asked[: exports.ROWS_AT_ONCE])


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("pipeline", "New households"), "pipeline-new-households-2026-11-23.csv"),
        (("../../etc/passwd",), "etc-passwd-2026-11-23.csv"),
        (('a"\r\nSet-Cookie: x',), "a-set-cookie-x-2026-11-23.csv"),
        (("Ménage \u4e2d\u6587",), "menage-2026-11-23.csv"),
        (("\u4e2d\u6587",), "export-2026-11-23.csv"),
        (("x" * 500,), f"{'x' * 80}-2026-11-23.csv"),
    ],
)
def test_file_names_are_plain(parts: tuple[str, ...], name: str) -> None:
    assert exports.filename(*parts, at=AT, suffix="csv") == name


@given(st.text())
def test_any_title_names_a_sheet(title: str) -> None:
    heading = exports.Heading(title, "", "", "", AT)

    assert 1 <= len(exports.sheet_name(title)) <= 31
    assert not re.search(r"[\[\]:*?/\\]", exports.sheet_name(heading.title))
