"""`python -m outrider_operator.controller`: the same as `outrider controller`."""

from outrider_operator.cli.controller import controller

controller()
