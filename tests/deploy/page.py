"""The command blocks of docs/operations.md, "From nothing to serving", as a reader would type them."""

import re
from dataclasses import dataclass

from tests.support.environment import ROOT

PAGE = ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh(?: (?P<mark>\w+))?\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
# What a mark means for whoever runs the blocks: values to replace, the registries of packages, systemd as the
# first process of the machine, a registry of images; or on which of several machines it is typed. A block
# without a mark needs nothing of it.
MARKS = ("", "yours", "network", "systemd", "images", "database", "worker", "pages")


@dataclass(frozen=True)
class Block:
    """One block; `way` is the letter of its heading."""

    way: str
    mark: str
    commands: str


def blocks(chapter: str = "From nothing to serving", page: str | None = None) -> list[Block]:
    """The blocks of a chapter of today's page, or of the text of another release's."""
    text = (page or PAGE.read_text()).partition(f"## {chapter}\n")[2].partition("\n## ")[0]
    found = []
    # A chapter without parts is one way.
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:] or [f"({chapter[0].lower()})\n{text}"]:
        for match in BLOCK.finditer(part):
            found.append(Block(part[1], match["mark"] or "", match["commands"]))
    return found
