"""Names of engines."""

import pytest

from evm_jit.engines import ENGINE_NAMES, make_engine
from primitives.errors import ConfigError


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_an_engine_is_made_by_its_name(name):
    assert make_engine(name).name == name


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_an_engine_may_be_warmed_up_again_and_again(name):
    engine = make_engine(name)
    engine.warm_up()
    engine.warm_up()


def test_an_unknown_name_is_refused_in_one_sentence():
    names = "reference, native, shadow, interpreter, compiled, compiled-hot"
    with pytest.raises(ConfigError, match=rf"^no engine is called 'fast': use one of {names}\.$"):
        make_engine("fast")
