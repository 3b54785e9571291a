import pytest

from tests import public_data


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVERET_TESTS", str(tmp_path))
    return tmp_path


def test_public_tests_are_found_one_level_down_and_at_the_top_of_a_download(place):
    assert public_data.find("ethereum-tests/TrieTests") is None
    (place / "TrieTests").mkdir()
    (place / "GeneralStateTests").mkdir()
    assert public_data.find("ethereum-tests/TrieTests") == place / "TrieTests"
    assert public_data.find("ethereum-tests") == place
    (place / "ethereum-tests" / "TrieTests").mkdir(parents=True)
    assert public_data.find("ethereum-tests/TrieTests") == place / "ethereum-tests" / "TrieTests"


def test_a_folder_without_the_public_tests_is_not_taken_for_them(place):
    assert public_data.find("ethereum-tests") is None
    assert public_data.find("execution-apis/tests") is None


def test_what_is_missing_skips_the_test_and_says_how_to_get_it(place):
    with pytest.raises(pytest.skip.Exception, match="ethereum-tests/TrieTests is not here: `make fetch-tests`"):
        public_data.data("ethereum-tests/TrieTests")
    with pytest.raises(pytest.skip.Exception, match="set LEVERET_TESTS"):
        public_data.data("execution-apis/tests")
