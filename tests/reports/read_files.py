"""The bytes of CSV and XLSX files, read without the code that writes them."""

import csv
import io
import re
from html import unescape
from zipfile import ZipFile

from django.test import Client


def csv_rows(client: Client, address: str) -> list[list[str]]:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def xlsx_rows(client: Client, address: str) -> list[dict[str, str]]:
    """The cells of the first sheet as text, row by row, by the letter of their column."""
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    with ZipFile(io.BytesIO(response.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        names = archive.namelist()
        shared = archive.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in names else ""
    strings = [re.sub(r"<[^>]+>", "", item) for item in re.findall(r"<si>(.*?)</si>", shared, re.S)]
    return [
        {_letter(attributes): _text(attributes, inside, strings) for attributes, inside in _cells_of(row)}
        for row in re.findall(r"<row[^>]*>(.*?)</row>", sheet, re.S)
    ]


def _cells_of(row: str) -> list[tuple[str, str]]:
    found = re.findall(r"<c ([^>]*?)(?:/>|>(.*?)</c>)", row, re.S)
    return [(attributes, inside) for attributes, inside in found]


def _letter(attributes: str) -> str:
    found = re.search(r'r="([A-Z]+)', attributes)
    assert found
    return found[1]


def _text(attributes: str, inside: str, strings: list[str]) -> str:
    text = re.sub(r"<f>.*?</f>", "", inside)
    value = unescape(re.sub(r"<[^>]+>", "", text))
    return strings[int(value)] if 't="s"' in attributes else value
