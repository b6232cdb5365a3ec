import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportunities.forms.money import LARGEST, parse_money
from opportunities.wording import fields as fields_words
from opportunities.wording import formats
from opportunities.wording import reports as report_words

# What the script that draws charts says too (tests/browser/test_reports.py).
COMPACT = [
    (0, "$0"),
    (-0.4, "$0"),
    (640, "$640"),
    (999.6, "$1K"),
    (1_000, "$1K"),
    (4_500, "$4.5K"),
    (4_567, "$4.57K"),
    (640_000, "$640K"),
    (812_500, "$813K"),
    (999_499, "$999K"),
    (999_500, "$1M"),
    (1_240_000, "$1.24M"),
    (1_500_000, "$1.5M"),
    (3_295_000, "$3.3M"),
    (3_285_000, "$3.29M"),
    (12_340_000, "$12.3M"),
    (2_100_000_000, "$2.1B"),
    (1_234_000_000_000, "$1234B"),
    (-350_000, "\u2212$350K"),
]


@pytest.mark.parametrize(("amount", "text"), COMPACT)
def test_an_amount_in_short_has_three_figures_on_cards_and_in_reports(amount: float, text: str) -> None:
    assert formats.compact(amount) == text
    assert report_words.formats.compact is formats.compact


@pytest.mark.parametrize(
    ("typed", "dollars"),
    [
        ("640000", 640_000),
        ("640,000", 640_000),
        ("$640,000", 640_000),
        ("$ 640,000", 640_000),
        ("640k", 640_000),
        ("640 K", 640_000),
        ("1.2m", 1_200_000),
        ("$1.2M", 1_200_000),
        ("1.5k", 1_500),
        ("640000.00", 640_000),
        ("0", 0),
        ("-0", 0),
        ("2,000,000,000", LARGEST),
        ("2000m", LARGEST),
    ],
)
def test_money_is_read_as_people_type_it(typed: str, dollars: int) -> None:
    assert parse_money(typed) == dollars


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("lots", fields_words.VALUE_NOT_A_NUMBER),
        ("6,40", fields_words.VALUE_NOT_A_NUMBER),
        ("1,2", fields_words.VALUE_NOT_A_NUMBER),
        ("1.2.3", fields_words.VALUE_NOT_A_NUMBER),
        ("1e6", fields_words.VALUE_NOT_A_NUMBER),
        ("٦٤٠", fields_words.VALUE_NOT_A_NUMBER),
        ("$", fields_words.VALUE_NOT_A_NUMBER),
        ("1.5", fields_words.VALUE_NOT_WHOLE),
        ("1.0001k", fields_words.VALUE_NOT_WHOLE),
        ("-1", fields_words.VALUE_NEGATIVE),
        ("$-640k", fields_words.VALUE_NEGATIVE),
        ("\u2212640", fields_words.VALUE_NEGATIVE),
        ("2,000,000,001", fields_words.VALUE_TOO_LARGE),
        ("9" * 400, fields_words.VALUE_TOO_LARGE),
    ],
)
def test_what_is_not_money_gets_its_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + sentence.split(",")[0].replace("$", r"\$")) as caught:
        parse_money(typed)

    assert str(caught.value) == sentence


@given(st.integers(0, LARGEST))
def test_what_we_write_we_can_read(dollars: int) -> None:
    assert parse_money(formats.money(dollars)) == dollars
    assert parse_money(str(dollars)) == dollars


@given(st.text())
def test_anything_typed_is_dollars_or_one_of_our_sentences(typed: str) -> None:
    try:
        dollars = parse_money(typed)
    except ValueError as error:
        assert str(error).startswith("Enter ")  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= dollars <= LARGEST


@given(st.from_regex(r"\A[$]?-?[0-9,.]{1,25}[kKmM]?\Z"))
def test_anything_near_a_number_is_dollars_or_one_of_our_sentences(typed: str) -> None:
    try:
        assert 0 <= parse_money(typed) <= LARGEST
    except ValueError as error:
        assert str(error).startswith("Enter ")  # noqa: PT017 - either outcome is right
