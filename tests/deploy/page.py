"""The command blocks of docs/operations.md, "From nothing to serving", as a reader would type them."""

import re
from dataclasses import dataclass

from tests.support.environment import ROOT

PAGE = ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh(?: (?P<mark>\w+))?\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
# What a mark means for whoever runs the blocks: values to replace, the registries of packages, systemd as the
# first process of the machine, a registry of images. A block without a mark needs nothing of it.
MARKS = ("", "yours", "network", "systemd", "images")


@dataclass(frozen=True)
class Block:
    """One block; `way` is the letter of its heading."""

    way: str
    mark: str
    commands: str


def blocks() -> list[Block]:
    chapter = PAGE.read_text().partition("## From nothing to serving\n")[2].partition("\n## ")[0]
    found = []
    for part in re.split(r"^### ", chapter, flags=re.MULTILINE)[1:]:
        for match in BLOCK.finditer(part):
            found.append(Block(part[1], match["mark"] or "", match["commands"]))
    return found
