"""Settings that hold for every test."""

from hypothesis import HealthCheck, settings

# No test asserts a time, and a busy machine is no failure.
settings.register_profile("leveret", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leveret")
