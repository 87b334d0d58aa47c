"""Keeps a Ray that is started here from listening to other machines."""

import os

ONE_MACHINE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where this is 0, Ray's processes bind to 127.0.0.1, as they do by default on those systems; on
Linux they otherwise bind to all interfaces. Ray reads it when it is imported."""


def keep_ray_to_this_machine() -> None:
    """To be called before Ray is imported; who set the variable before has the last word."""
    os.environ.setdefault(ONE_MACHINE, "0")
