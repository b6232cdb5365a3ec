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
TEXT, NUMBER = exports.FileColumn("Name"), exports.FileColumn("Value", "count")

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
    """The records: all that is not the names of the columns."""
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1:]


def table(*rows: exports.Row, names: str = "") -> exports.FileTable:
    columns = [exports.FileColumn(name) for name in names] or [TEXT, NUMBER]
    return exports.FileTable("Deals", columns, rows)


def as_csv(*rows: exports.Row, names: str = "", about: exports.About = exports.About.NO) -> str:
    return "".join(exports.csv_text(table(*rows, names=names), HEADING, about))


def as_xlsx(*rows: exports.Row, names: str = "") -> bytes:
    return exports.xlsx_bytes([table(*rows, names=names)], HEADING)


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
        if row.attrib["r"] == "1":
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
        columns = [exports.FileColumn(payload), NUMBER]
        file = exports.FileTable(payload, columns, [(payload, -5)])
        text = "".join(exports.csv_text(file, heading, exports.About.ABOVE))
        for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
            assert all(not cell.startswith(exports.DANGEROUS) for cell in row[:1])
        assert rows_of("".join(exports.csv_text(file, heading))) == [[exports.harmless(payload), "-5"]]

        kind, value = cells_of(as_xlsx((payload, -5)))[0]
        assert kind == "s"
        assert re.sub(r"_x000[09D]_", "", value).strip("\0\t\r\n ") == payload.strip("\0\t\r\n ")


@pytest.mark.parametrize(
    "name",
    [
        "<r><t>Another deal</t></r>",
        "<r></t></si></sst>&</r>",
        "<r> \t <r>'&amp;'</r>",
        "<r>" + "&" * 30_000 + "</r>",
    ],
)
def test_a_name_that_looks_like_the_markup_of_a_workbook_is_a_name(name: str) -> None:
    heading = exports.Heading(name, name, name, name, AT, [name])
    workbook = exports.xlsx_bytes([exports.FileTable("Deals", [TEXT, NUMBER], [(name, 5)])], heading)

    assert [value[:4_000] for _, value in cells_of(workbook)] == [name[:4_000], "5"]
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        about = ElementTree.fromstring(file.read("xl/worksheets/sheet2.xml"))  # noqa: S314 - our own bytes
    assert len([cell for cell in about.iter() if cell.tag.endswith("}c")]) == 10 + 2


# Names that became formulas once a spreadsheet of another country split the bytes its own way.
SPLIT = [
    "=1+1",
    "Lindqvist;=1+1",
    "Okon\t=1+1",
    "a|@SUM(1)",
    "x;+1;y",
    '"quoted"; -2',
    'quoted;"=1+1"',
    "two\nlines\n=3",
    "two\r\nlines\r\n=3",
    " =1+1",
    "+49 30 123",
]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", [*SPLIT, *PAYLOADS])
def test_no_cell_is_a_formula_however_the_bytes_are_split(name: str, separator: str) -> None:
    for columns in ((name, "after"), ("before", name), ("1", name)):
        text = as_csv((*columns, 7), names="abc").removeprefix("\ufeff")
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        # Programs that know no quotes split at each separator and at each line.
        lines += [re.split(re.escape(separator), line) for line in re.split(r"\r\n|\r|\n", text)]
        for cell in (cell for line in lines for cell in line):
            assert not cell.lstrip(' "').startswith(("=", "+", "-", "@")), (cell, text)


def test_what_looks_like_a_number_and_is_text_keeps_its_zeros() -> None:
    assert as_csv(("00123", 1)).endswith('"00123",1\r\n')


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers()), max_size=8))
def test_any_text_comes_back_as_it_was_but_for_apostrophes(rows: list[tuple[str, int]]) -> None:
    back = rows_of(as_csv(*rows))

    assert [(text, int(number)) for text, number in back] == [
        (exports.harmless(text), number) for text, number in rows
    ]
    assert all(not text.startswith(exports.DANGEROUS) for text, _ in back)
    for (text, _), (plain, _) in zip(back, rows, strict=True):
        assert text.replace("'", "") == plain.replace("'", "")
        assert text == plain or len(text) > len(plain)


def test_numbers_days_and_moments_are_what_they_are() -> None:
    row = (-1_000, Decimal("2.5"), date(2026, 11, 30), AT, None, "640,000", '5" nail')

    [line] = rows_of(as_csv(row, names="abcdefg"))
    cells = cells_of(as_xlsx(row, names="abcdefg"))

    assert line == ["-1000", "2.5", "2026-11-30", "2026-11-23 10:41:02+00:00", "", "640,000", '5" nail']
    assert [kind for kind, _ in cells] == ["n", "n", "n", "n", "s", "s"]
    assert cells[0] == ("n", "-1000")


def test_a_file_is_its_columns_and_a_record_a_row_and_every_text_is_quoted() -> None:
    assert as_csv(("Okonkwo, rollover", 1), ("Tran", None)) == (
        '\ufeff"Name","Value"\r\n"Okonkwo, rollover",1\r\n"Tran",""\r\n'
    )


def test_the_heading_stands_above_the_table_or_alone_where_it_is_asked_for() -> None:
    alone = as_csv(("Okonkwo", 1), about=exports.About.ALONE)

    assert alone == (
        '\ufeff"Deals",""\r\n"Slant data as of","2026-11-23 10:41:02+00:00"\r\n"Filters","owner: Theo"\r\n'
        '"Exported by","Theo Okafor"\r\n"Exported at","2026-11-23 10:41:02+00:00"\r\n'
    )
    above = as_csv(("Okonkwo", 1), about=exports.About.ABOVE)
    assert above == f'{alone}\r\n"Name","Value"\r\n"Okonkwo",1\r\n'


def test_a_workbook_has_a_sheet_for_each_table_and_one_about_them() -> None:
    tables = [
        exports.FileTable("By owner", [TEXT, exports.FileColumn("Won", "money")], [("Theo", 5)], ("All", 5)),
        exports.FileTable("By owner", [TEXT], [("Mara",)]),
        exports.FileTable("about", [TEXT], []),
    ]
    heading = exports.Heading("Owners", "", "", "Theo Okafor", AT, ["Won: decided in the period."])

    with zipfile.ZipFile(io.BytesIO(exports.xlsx_bytes(tables, heading))) as file:
        book = file.read("xl/workbook.xml").decode()
        first = file.read("xl/worksheets/sheet1.xml").decode()
        styles = file.read("xl/styles.xml").decode()
        strings = file.read("xl/sharedStrings.xml").decode()

    names = re.findall(r'<sheet name="([^"]+)"', book)
    assert names == ["By owner", "By owner (2)", "about (2)", "About"]
    assert '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in first
    # The sums stand outside of what is filtered.
    assert '<autoFilter ref="A1:B2"/>' in first
    assert '<row r="3"' in first
    assert "customWidth" in first
    assert "#,##0" in styles
    assert "Won: decided in the period." in strings


def test_shares_are_percent_and_days_follow_the_readers_country() -> None:
    columns = [exports.FileColumn("Rate", "percent"), exports.FileColumn("Day", "day"), NUMBER]
    row = (0.256, date(2026, 11, 30), exports.Figure(0.5, "percent"))

    with zipfile.ZipFile(
        io.BytesIO(exports.xlsx_bytes([exports.FileTable("Rates", columns, [row])], HEADING))
    ) as file:
        styles, sheet = file.read("xl/styles.xml").decode(), file.read("xl/worksheets/sheet1.xml").decode()

    assert 'formatCode="0.0%"' in styles
    assert 'numFmtId="14"' in styles
    assert "<v>0.256</v>" in sheet
    assert sheet.count('s="2"') + sheet.count('s="3"') >= 2


def test_rows_are_streamed_and_not_gathered() -> None:
    asked = []

    def rows() -> object:
        for number in range(1_000):
            asked.append(number)
            yield ("deal", number)

    pieces = exports.csv_text(exports.FileTable("Deals", [TEXT, NUMBER], rows()), HEADING)  # type: ignore[arg-type]

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
