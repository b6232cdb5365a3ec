"""Line breaks and indentation of a template cost nothing, and no visible space is lost with them."""

from pathlib import Path

import pytest
from django.template import Context, Engine

from slantweb.template_loader import Loader, trim
from tests.support.environment import ROOT

ENGINE = Engine()
TEMPLATES = ROOT / "templates"
LONGEST_LINE = 120


@pytest.mark.parametrize(
    ("template", "trimmed"),
    [
        ("<ul>\n  <li>one</li>\n  <li>two</li>\n</ul>\n", "<ul><li>one</li><li>two</li></ul>"),
        ("<p>\n  some\n  words\n</p>", "<p>some words</p>"),
        ("<p>\n  {{ a }}\n  {{ b }}\n</p>", "<p>{{ a }} {{ b }}</p>"),
        ("<b>one</b>\n\n  <i>two</i>", "<b>one</b> <i>two</i>"),
        ("{% include 'a' %}\n{% include 'b' %}\n", "{% include 'a' %} {% include 'b' %}"),
    ],
)
def test_a_line_break_is_one_space_between_words_and_nothing_beside_a_block(
    template: str, trimmed: str
) -> None:
    assert trim(template) == trimmed


@pytest.mark.parametrize(
    "template",
    [
        "<b>one</b>  <i>two</i> three",
        "<p> {% if x %} a {% endif %} </p>",
        "<pre>\n  as\n     typed\n</pre>",
        "<b>a</b><textarea name='x'>\n\n  as\n typed</textarea>",
        "<script>\n  one\n  two\n</script>",
        '<p title="one\n  two{% if x == "y>z" %}\n three{% endif %}">x</p>',
        "{% verbatim %}\n  {{ as }}\n  typed\n{% endverbatim %}",
    ],
)
def test_what_a_browser_may_show_is_kept_to_the_letter(template: str) -> None:
    assert trim(template) == template


def test_a_tag_written_over_many_lines_becomes_one_line() -> None:
    written = '<input\n  type="text"\n  {% if x %}checked{% endif %}\n  value="a  b"\n>\n<hr\n/>'

    assert trim(written) == '<input type="text" {% if x %}checked{% endif %} value="a  b"><hr/>'


@pytest.mark.parametrize(
    ("template", "trimmed"),
    [
        (
            "<b>a</b>\n{% if x %}\n  <i>b</i>\n{% else %}\n  c\n{% endif %}\n<u>d</u>",
            "<b>a</b> {% if x %}<i>b</i> {% else %}c {% endif %}<u>d</u>",
        ),
        ("a\n{% for x in y %}\n  {{ x }}\n{% endfor %}\nb", "a {% for x in y %}{{ x }} {% endfor %}b"),
        ("{% load ui %}\n{# why #}\n<b>a</b>", "{% load ui %}{# why #}<b>a</b>"),
    ],
)
def test_a_line_with_nothing_but_statements_leaves_no_trace(template: str, trimmed: str) -> None:
    assert trim(template) == trimmed


@pytest.mark.parametrize(
    "template",
    [
        # Without the break after `for`, nothing would stand between two items.
        "a\n{% for x in y %}\n<b>{{ x }}</b>{% endfor %}",
        "a{% if x %}\n<b>b</b>\n{% else %}\n<i>c</i>\n{% endif %}\n<u>d</u>",
        "a\n{% if x %}b{% else %}\nc\n{% endif %}\nd",
        # Two statements on a line stand or fall together.
        "a{% if x %}\nb\n{% endif %}{% if y %}\nc\n{% endif %}\nd",
        "{% for x in y %}\n<b>{{ x }}</b>\n{% empty %}\n"
        "{% for z in y %}<i>{{ z }}</i>{% endfor %}\n{% endfor %}e",
    ],
)
@pytest.mark.parametrize("x", [True, False])
@pytest.mark.parametrize("y", [(), (1, 2)])
def test_no_space_between_words_is_lost_whichever_branch_is_shown(
    template: str, x: bool, y: tuple[int, ...]
) -> None:
    context = Context({"x": x, "y": y})

    before, after = (ENGINE.from_string(source).render(context) for source in (template, trim(template)))

    assert after.split() == before.split()


@pytest.mark.parametrize("debug", [True, False])
def test_only_a_developer_gets_templates_as_they_are_written(debug: bool, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>\n  text\n</p>\n")
    loader = Loader(Engine(dirs=[tmp_path], debug=debug))

    contents = loader.get_contents(next(loader.get_template_sources("page.html")))

    assert contents == ("<p>\n  text\n</p>\n" if debug else "<p>text</p>")


def test_every_template_is_written_to_be_read() -> None:
    lines = {
        f"{path.relative_to(TEMPLATES)}:{number}": len(line)
        for path in sorted(TEMPLATES.rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
    }

    assert [place for place, length in lines.items() if length > LONGEST_LINE] == []
    assert sum(lines.values()) / len(lines) < 42
