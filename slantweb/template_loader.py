"""Loads our templates without the line breaks and the indentation that are only for readers of the source.

For a browser a line break is one space between words, and nothing beside a block. White space without effect
is removed, so that a template may have one element a line without larger pages:

- White space with a line break in it becomes one space, or nothing beside a block-level tag.
- So it does inside a tag, between attributes.
- A line that holds nothing but statements (`{% if %}`, `{% for %}`, `{% with %}`, `{% load %}`, comments)
  is removed, if the branches and the ends of these statements have their own lines too.
- White space without a line break is kept. So is every character of an attribute's value, of `<pre>`,
  `<textarea>`, `<script>` and `<style>`, and of `{% comment %}` and `{% verbatim %}`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from django.template import Origin
from django.template.loaders import filesystem

# Browsers lay these out as blocks, or do not show them: white space beside them has no width.
_BLOCK_NAMES = """
    address article aside blockquote body caption col colgroup dd details dialog div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li link main meta nav ol optgroup option p
    pre script section style summary table tbody td template tfoot th thead title tr ul
"""
BLOCKS = frozenset(_BLOCK_NAMES.split())
OPENERS = frozenset({"for", "if", "with"})
BRANCHES = frozenset({"elif", "else", "empty"})
ENDS = frozenset({"endfor", "endif", "endwith"})
STATEMENTS = OPENERS | BRANCHES | ENDS | {"extends", "load", "#"}

_DJANGO = r"\{%.*?%\} | \{\{.*?\}\} | \{\#.*?\#\}"
_QUOTED = rf""" "(?:{_DJANGO} | [^"])*" | '(?:{_DJANGO} | [^'])*' """
_FLAGS = re.VERBOSE | re.DOTALL | re.IGNORECASE
PIECE = re.compile(
    rf"""
    (?P<verbatim> <(?P<element>pre|textarea|script|style)\b .*? </(?P=element)\s*>
                | \{{%\ (?P<block>comment|verbatim)\b .*? \{{%\ end(?P=block)\b .*? %\}} )
    | (?P<django> {_DJANGO} )
    | (?P<tag> </?[a-z] (?: {_DJANGO} | {_QUOTED} | [^>] )* > )
    | (?P<break> \s*\n\s* )
    | (?P<text> [^\s<{{]+ | . )
    """,
    _FLAGS,
)
IN_TAG = re.compile(rf"(?P<kept> {_DJANGO} | {_QUOTED} ) | \s*\n\s* (?P<end> /?>$ )?", _FLAGS)
TAG_NAME = re.compile(r"</?([a-z][\w-]*)", re.IGNORECASE)
STATEMENT_NAME = re.compile(r"\{(?:%\s*(\w+)|(\#))")


class Loader(filesystem.Loader):
    def get_contents(self, origin: Origin) -> str:
        contents: str = super().get_contents(origin)
        # A developer's error page names lines of the file, so with DEBUG they are kept.
        return contents if self.engine.debug else trim(contents)


class Piece(NamedTuple):
    kind: str
    text: str


Line = list[Piece]


def trim(template: str) -> str:
    """The same page in fewer characters."""
    lines = list(_lines(template))
    vanishing = _vanishing(lines)
    parts = [_joined(lines[0])]
    for (number, line), (_, following) in pairwise(enumerate(lines)):
        parts += [_separator(line, following, number in vanishing), _joined(following)]
    return "".join(parts)


def _lines(template: str) -> Iterator[Line]:
    """The lines of the template. A line break inside a tag or in verbatim text does not end a line."""
    line: Line = []
    for match in PIECE.finditer(template):
        if match.lastgroup == "break":
            yield line
            line = []
        else:
            line.append(Piece(str(match.lastgroup), match[0]))
    yield line


def _joined(line: Line) -> str:
    return "".join(_in_one_line(piece.text) if piece.kind == "tag" else piece.text for piece in line)


def _in_one_line(tag: str) -> str:
    return IN_TAG.sub(lambda match: match["kept"] or match["end"] or " ", tag)


def _separator(line: Line, following: Line, vanishes: bool) -> str:
    """The white space that a browser needs between two lines."""
    at_an_end = not line or not following
    return "" if vanishes or at_an_end or _is_block(line[-1]) or _is_block(following[0]) else " "


def _is_block(piece: Piece) -> bool:
    match = TAG_NAME.match(piece.text)
    return piece.kind in ("tag", "verbatim") and match is not None and match[1].lower() in BLOCKS


def _vanishing(lines: list[Line]) -> set[int]:
    """The numbers of the lines that hold only statements, each with all its branches on such lines."""
    bare = {number for number, line in enumerate(lines) if line and all(map(_is_statement, line))}
    wholes = list(_wholes(lines))
    while broken := [whole & bare for whole in wholes if whole & bare and not whole <= bare]:
        bare = bare.difference(*broken)
    return bare


def _wholes(lines: list[Line]) -> Iterator[set[int]]:
    """For each `if`, `for` and `with`, the lines of its beginning, its branches and its end."""
    opened: list[set[int]] = []
    for number, line in enumerate(lines):
        for piece in line:
            name = _statement(piece)
            if name in OPENERS:
                opened.append(set())
            if name in OPENERS | BRANCHES | ENDS and opened:
                opened[-1].add(number)
            if name in ENDS and opened:
                yield opened.pop()


def _is_statement(piece: Piece) -> bool:
    return piece.text.isspace() or _statement(piece) in STATEMENTS


def _statement(piece: Piece) -> str:
    match = STATEMENT_NAME.match(piece.text) if piece.kind == "django" else None
    return (match[1] or match[2]) if match else ""
