"""Vocabularies that PyPI packages carry: looked for in what is installed, never imported."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path


def find_in_packages(name: str, packages: Sequence[str]) -> Path | None:
    """The file of that name in the first of the packages that is installed and has one."""
    for package in packages:
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            for found in sorted(Path(folder).rglob(name)):
                return found
    return None
