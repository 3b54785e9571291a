"""A flood is refused as it has to be, and what is valid is sealed beside it."""

from bench.flood_bench import measure_flood


def test_invalid_ones_are_refused_and_valid_ones_are_sealed():
    measured = measure_flood(1_000, 3)
    assert measured.invalid_refused == 3_000
    assert measured.valid_admitted > 0
    assert 1 < measured.mini_blocks <= measured.valid_admitted
