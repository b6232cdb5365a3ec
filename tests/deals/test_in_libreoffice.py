"""The files as a real spreadsheet opens them, in three countries. Skipped where there is no LibreOffice.

apt-get install libreoffice-calc    # once
make test ARGS="tests/deals/test_in_libreoffice.py"
"""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opportunities import exports

from .test_exports import HEADING

OFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OFFICE, reason="no LibreOffice here: apt-get install libreoffice-calc"),
]

# A locale, and the number Windows gave it, which the CSV filter wants.
LOCALES = {"en-US": 1033, "de-DE": 1031, "ja-JP": 1041}
SEPARATORS = {"comma": 44, "semicolon": 59, "tab": 9, "pipe": 124}
# The samples every file of names is tried with, and full-width signs, which Japanese spreadsheets accept.
NAMES = [
    "=1+1",
    "Lindqvist;=1+1",
    "Okon\t=1+1",
    "a|@SUM(1)",
    "x;+1;y",
    '"quoted"; -2',
    "two\nlines\n=3",
    "00123",
    "+49 30 123",
    "\uff1d1+1",
    "a;\uff0b1+1",
]
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>{locale}</value></prop></item></oor:items>
"""
SPACES = {
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
}
Open = Callable[..., ElementTree.Element]


@pytest.fixture(scope="module", params=LOCALES)
def locale(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def profile(locale: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of a person in that country, started once for all files."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "user").mkdir()
    (folder / "user" / "registrymodifications.xcu").write_text(PROFILE.format(locale=locale))
    return folder


@pytest.fixture
def open_file(profile: Path, tmp_path: Path) -> Open:
    """What LibreOffice makes of a file, as the XML it would save."""

    def opened(name: str, content: bytes, *options: str) -> ElementTree.Element:
        file = tmp_path / name
        file.write_bytes(content)
        command = [OFFICE or "", f"-env:UserInstallation={profile.as_uri()}", "--headless", *options]
        command += ["--convert-to", "fods", "--outdir", str(tmp_path), str(file)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return ElementTree.parse(file.with_suffix(".fods")).getroot()  # noqa: S314 - our own file

    return opened


def attribute(space: str, name: str) -> str:
    return f"{{{SPACES[space]}}}{name}"


def formulas(document: ElementTree.Element) -> list[str]:
    name = attribute("table", "formula")
    return [cell.attrib[name] for cell in document.iter() if name in cell.attrib]


def as_csv(*names: str) -> bytes:
    columns = [exports.FileColumn(name) for name in ("Name", "Owner")]
    rows = [(name, f"after {name}") for name in names]
    return "".join(exports.csv_text(exports.FileTable("Deals", columns, rows), HEADING)).encode()


@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_name_becomes_a_formula_however_the_file_is_split(
    open_file: Open, locale: str, separator: str
) -> None:
    options = f"--infilter=CSV:{SEPARATORS[separator]},34,76,1,,{LOCALES[locale]},false,true"

    document = open_file("deals.csv", as_csv(*NAMES), options)

    assert formulas(document) == []
    assert "Lindqvist" in "".join(document.itertext())


def test_the_same_way_would_show_a_formula_that_is_there(open_file: Open, locale: str) -> None:
    options = f"--infilter=CSV:59,34,76,1,,{LOCALES[locale]},false,true"

    assert formulas(open_file("bad.csv", b"Name;Owner\r\nLindqvist;=1+1\r\n", options)) != []


def test_a_workbook_is_as_a_person_wants_it(open_file: Open, locale: str) -> None:
    """Numbers, money and days are such, names are words, the header is bold, frozen and filtered."""
    columns = [
        exports.FileColumn("Deal"),
        exports.FileColumn("Value", "money"),
        exports.FileColumn("Share", "percent"),
        exports.FileColumn("Close", "day"),
        exports.FileColumn("Saved", "moment"),
    ]
    rows = [
        (name, 640_000, 0.125, date(2026, 11, 30), datetime(2026, 11, 23, 10, 41, tzinfo=UTC))
        for name in NAMES
    ]
    workbook = exports.xlsx_bytes([exports.FileTable("Deals", columns, rows)], HEADING)

    document = open_file("deals.xlsx", workbook)

    assert formulas(document) == []
    sheets = document.findall(".//table:table", SPACES)
    assert [sheet.attrib[attribute("table", "name")] for sheet in sheets] == ["Deals", "About"]
    lines = sheets[0].findall("table:table-row", SPACES)
    kinds = [
        cell.get(attribute("office", "value-type")) for cell in lines[1].findall("table:table-cell", SPACES)
    ]
    assert kinds[:5] == ["string", "float", "percentage", "date", "date"]
    header = lines[0].find("table:table-cell", SPACES)
    assert header is not None
    assert is_bold(document, header.get(attribute("table", "style-name"), ""))
    ranges = document.findall(".//table:database-range", SPACES)
    assert any(part.get(attribute("table", "display-filter-buttons")) == "true" for part in ranges)
    # Without a window LibreOffice forgets how the sheet was shown, so this is read from the file itself.
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        assert b'state="frozen"' in file.read("xl/worksheets/sheet1.xml")
    shown = [cell.findtext("text:p", "", SPACES) for cell in lines[1].findall("table:table-cell", SPACES)]
    assert "###" not in "".join(shown)
    assert shown[1] == ("$640.000" if locale == "de-DE" else "$640,000")
    day = {"en-US": "11/30/2026", "de-DE": "30.11.2026", "ja-JP": "2026/11/30"}[locale]
    assert shown[3].replace("/26", "/2026") == day or shown[3] == day


def is_bold(document: ElementTree.Element, name: str) -> bool:
    for style in document.iter(attribute("style", "style")):
        if style.get(attribute("style", "name")) == name:
            return any(part.get(attribute("fo", "font-weight")) == "bold" for part in style)
    return False
