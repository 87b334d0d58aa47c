"""The files below a local folder, never leaving it by a symbolic link."""

import os
from collections.abc import Iterator

from longriver.engine.errors import SourceError


def local_files(root: str) -> Iterator[str]:
    """Yields the path of every file below ``root``.

    Raises:
        SourceError: a link that leads out of the folder, to a folder, or nowhere.
        OSError: a folder that cannot be listed.
    """
    folders = [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            visible = [entry for entry in entries if not entry.name.startswith((".", "_"))]
        for entry in visible:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_symlink() or entry.is_file():
                refuse_outside(root, entry.path)
                yield entry.path


def refuse_outside(root: str, path: str) -> None:
    """Refuses a symbolic link that does not lead to a file inside ``root``."""
    if not os.path.islink(path):
        return
    inside = os.path.join(os.path.realpath(root), "")
    target = os.path.realpath(path)
    if not (target.startswith(inside) and os.path.isfile(target)):
        raise SourceError(
            f"data.path: the link {path} leads to {target}, which is no file inside {root}; "
            "point data.path at the target, or copy it"
        )
