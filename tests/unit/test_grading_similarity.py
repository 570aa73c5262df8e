"""Which answers are alike: renamed, reformatted and commented copies are, independent ones are not."""

from __future__ import annotations

import builtins
import keyword

from hypothesis import given
from hypothesis import strategies as st

from coursekit.grading.similarity import resemblance, shingles, similar_pairs, tokens

ONE = '''def mean(values):
    """Give the mean."""
    total = 0
    for value in values:
        if value is not None:
            total += value
    return total / len(values)  # never empty
'''
COPY = """def average(xs):
    'Average of xs'
    acc=0
    for x in xs:
      # skip gaps
      if x  is  not  None :
            acc += x

    return acc/len(xs)
"""
OTHER = """import statistics
def mean(values):
    numbers = [float(each) for each in values if each is not None]
    while numbers and numbers[-1] < 0:
        numbers.pop()
    return statistics.fmean(numbers) if numbers else float("nan")
"""
STUB = "# Your code here.\nraise NotImplementedError()"
RELEASED = {"q": STUB}


def test_names_layout_comments_and_texts_do_not_count():
    renamed = ONE.replace("values", "xs").replace("value", "x").replace("total", "acc").replace("mean", "f")
    assert tokens(ONE) == tokens(renamed.replace("    ", "  ").replace("# never empty", "") + "\n\n# the end\n")
    assert tokens("x.split('a')") == tokens("y.split('b')") != tokens("y.strip('b')")


def test_a_renamed_and_reformatted_copy_is_found_and_its_cell_named():
    [pair] = similar_pairs({"bob": {"q": COPY}, "ada": {"q": ONE}, "eve": {"q": OTHER}}, RELEASED)
    assert (pair.first, pair.second, pair.cells) == ("ada", "bob", ("q",))
    assert pair.share > 0.6


def test_what_was_released_does_not_count():
    given_code = {"q": ONE}
    answers = {name: {"q": ONE + f"\nanswer = {number}\n"} for number, name in enumerate(("ada", "bob"))}
    assert similar_pairs(answers, given_code) == ()
    assert similar_pairs(answers, RELEASED)
    assert similar_pairs({"ada": {"q": STUB}, "bob": {"q": STUB}}, RELEASED) == ()


def test_short_answers_and_cells_that_were_not_asked_for_are_in_no_pair():
    short = {name: {"q": "def f(x):\n    return 2 * x"} for name in ("ada", "bob")}
    assert similar_pairs(short, RELEASED) == ()
    elsewhere = {name: {"mine": ONE} for name in ("ada", "bob")}
    assert similar_pairs(elsewhere, RELEASED) == ()


def test_what_most_of_a_class_writes_makes_nobody_alike():
    crowd = {f"s{number:02}": {"q": ONE + f"y = {number} ** {number}\n" * 3} for number in range(12)}
    assert similar_pairs(crowd, RELEASED) == ()


def test_what_is_not_python_is_compared_by_its_words():
    broken = "def f(:\n  total = total + " + " ".join(f"value[{number}] *" for number in range(20)) + "('''"
    [pair] = similar_pairs({"ada": {"q": broken}, "bob": {"q": broken.replace("total", "t")}}, RELEASED)
    assert pair.share == 1
    assert tokens("%matplotlib inline\n!ls\nx = 1") == tokens("y = 1")


@given(st.text(max_size=300))
def test_any_text_can_be_read(text):
    assert resemblance(shingles(text), shingles(text)) in (0, 1)


names = st.from_regex(r"[a-z_]{5,9}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))


@given(names, names)
def test_renaming_never_changes_the_resemblance(first, second):
    kept = {"value", "values", "total", "mean", *dir(builtins)}
    if not {first, second} & kept:
        assert shingles(ONE.replace("total", first)) == shingles(ONE.replace("total", second))


@given(st.frozensets(st.integers()), st.frozensets(st.integers()))
def test_resemblance_is_symmetric_and_a_share(first, second):
    assert resemblance(first, second) == resemblance(second, first)
    assert 0 <= resemblance(first, second) <= 1
