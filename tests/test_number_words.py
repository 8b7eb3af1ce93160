"""Numbers and their names: what num2words gives, what is put right, what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from tarea2 import datasets
from tarea2.datasets import number_words

NUMBERS = st.integers(0, number_words.LARGEST)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "cero"),
        (16, "dieciséis"),
        (21, "veintiuno"),
        (100, "cien"),
        (101, "ciento uno"),
        (500, "quinientos"),
        (1000, "mil"),
        (1001, "mil uno"),
        (21_021, "veintiún mil veintiuno"),  # num2words writes "veintiuno mil"
        (31_031, "treinta y un mil treinta y uno"),
        (99_999, "noventa y nueve mil novecientos noventa y nueve"),
    ],
)
def test_names(number, name):
    assert number_words.words(number) == name


@given(NUMBERS)
def test_names_are_those_of_num2words_but_for_the_short_form(number):
    theirs = num2words(number, lang="es")
    if number // 1000 % 10 == 1 and number // 1000 not in (1, 11):
        assert theirs.split("mil")[0].endswith("uno ")
        assert number_words.words(number).split(" mil")[0].endswith(("ún", "un"))
    else:
        assert number_words.words(number) == theirs


@given(NUMBERS)
def test_coding_and_decoding_give_the_same(number):
    name = number_words.words(number)
    tokens = number_words.encode_words([name])
    assert tokens.shape == (1, number_words.longest())
    assert number_words.decode_words(tokens) == [name]
    digits = number_words.encode_numbers([number])[0].tolist()
    assert number_words.number_of(torch.tensor(digits)) == number
    assert digits == [number_words.BLANK] * (5 - len(str(number))) + [int(c) for c in str(number)]
    assert len(digits) == number_words.DIGITS


@given(st.sets(NUMBERS, min_size=2, max_size=20))
def test_no_two_numbers_have_one_name(numbers):
    assert len({number_words.words(n) for n in numbers}) == len(numbers)


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), (" 42 ", 42), ("007", 7), ("99999", 99_999)]
)
def test_texts_that_are_numbers(text, number):
    assert number_words.parse(text) == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("doce", "'doce' is not a whole number"),
        ("-3", "-3 is negative"),
        ("1234567", "1234567 has more than 5 digits"),
        ("3,5", "'3,5' is not a whole number"),
        ("", "'' is not a whole number"),
        ("٣", "is not a whole number"),
    ],
)
def test_texts_that_are_not(text, message):
    with pytest.raises(ValueError, match=message):
        number_words.parse(text)


def test_a_number_out_of_range_is_refused():
    with pytest.raises(ValueError, match="number is 100000, expected 0 to 99999"):
        number_words.words(100_000)


def test_the_splits_are_disjoint_and_test_is_always_the_same():
    small, large = datasets.numbers(500), datasets.numbers(2000)
    assert torch.equal(small.test.x, large.test.x)
    assert torch.equal(small.train.x, large.train.x[:500])
    everything = torch.cat([large.train.x, large.validation.x, large.test.x])
    assert len(everything.unique(dim=0)) == len(everything) == 2000 + 2000 + 5000
    assert large.num_classes == len(number_words.vocabulary()) == int(large.train.y.max()) + 1


def test_the_data_for_use_hold_every_short_number_and_no_long_one_twice():
    data = datasets.numbers_for_use()
    train, held_out, exam = (
        [number_words.number_of(row) for row in split.x]
        for split in (data.train, data.validation, data.test)
    )
    short = [n for n in train if n < number_words.SHORT]
    assert set(short) == set(range(number_words.SHORT))
    assert short.count(7) == short.count(933) == number_words.REPEATED
    assert short.count(1000) == 1
    long = [n for n in train if n >= number_words.SHORT] + held_out + exam
    assert len(long) == len(set(long)) == number_words.LONG + 2_000 + 20_000
    assert min(long) >= number_words.SHORT
