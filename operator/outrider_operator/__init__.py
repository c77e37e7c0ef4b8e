"""Resources, compiler, controller and command line of Outrider."""

from outrider_sidecar import __version__

__all__ = ["__version__"]
