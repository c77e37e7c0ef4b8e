from hypothesis import settings

pytest_plugins = ["kube.fixtures"]

# No test is timed, least of all on a machine that does other things too.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
