import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["kube.fixtures"]

# No test is timed, least of all on a machine that does other things too. CI draws the same
# examples each time; new ones are looked for at home.
settings.register_profile(
    "outrider",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("outrider")
