"""A wrong in any of the generated routines is noticed."""

import subprocess
import sys

from primitives.kernels_cache import PROJECT
from tests.primitives.secp256k1_simd.vectors import needs_ifma


@needs_ifma
def test_a_wrong_in_any_routine_shows():
    module = "tests.primitives.secp256k1_simd.wrong_code"
    command = [sys.executable, "-m", module, "--each", "4", "--until-found"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("places") == 21
