"""Assembly is what a reader would write by hand."""

import pytest

from bench.assembly import assemble


def test_numbers_are_pushed_and_places_found_before_and_behind():
    code = assemble("""
        again:              ; here
            0 1 256 @again @data CODECOPY JUMP
        data=
            "00ff5b"
    """)
    assert code.hex() == "5b5f600161010061000061000f395600ff5b"


def test_a_place_has_one_name_and_a_word_a_meaning():
    with pytest.raises(AssertionError, match="again is in two places"):
        assemble("again: again:")
    with pytest.raises(KeyError, match="ADDD"):
        assemble("1 2 ADDD")
    with pytest.raises(KeyError, match="nowhere"):
        assemble("@nowhere JUMP")
