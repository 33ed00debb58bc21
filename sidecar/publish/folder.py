"""The folder that the main container reads: always one validated content, whole.

The layout is that of the kubelet's ConfigMap volumes, so daemons and `watch` read both alike. The
order of steps makes a kill at any of them harmless: whatever can fail comes before the one rename.
Visible links of new keys come before it too (as in the kubelet until 1.33; later ones link after
it): a link may dangle for an instant, but no file of the content in force ever lacks its link.

Nothing is fsynced: a crash of the container keeps the kernel's page cache, so only the order of the
renames counts, and a crash of the node ends the pod and its emptyDir.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sidecar.core.ports import Clock
from sidecar.core.snapshot import Snapshot
from sidecar.publish.generation import find_unfit, holds, write_generation
from sidecar.publish.layout import DATA, DATA_TMP, ForeignEntryError, Layout, link_target, survey
from sidecar.publish.trouble import explain, refuse_foreign, refuse_key

FILE_MODE = 0o644

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class PublishedFolder:
    """Implements `core.ports.Publisher` over `path`, an existing folder that nobody else writes.

    `mode` is that of the files; for a Secret 0640, where the main container shares the UID or the
    ``fsGroup``. The generation before the current one stays until the next content is published,
    so that whoever still reads it is not cut: that takes twice the space of one.
    """

    def __init__(self, path: str, *, clock: Clock, mode: int = FILE_MODE) -> None:
        self.path = str(Path(path).absolute())
        self._clock = clock
        self._mode = mode
        self._previous: str | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """Make the files of `snapshot` the whole content, in one swap; none if they are it already.

        Also clears away what a killed predecessor left. Raises `PublishError`: readers then see
        the old content whole, or the new one where the only thing left to do was to remove the
        links of old keys; publishing again heals both.
        """
        unfit = find_unfit(snapshot.files)
        if unfit is not None:
            raise refuse_key(unfit, self.path)
        try:
            folder_fd = os.open(self.path, _FOLDER_FLAGS)
            try:
                self._publish(folder_fd, snapshot.files)
            finally:
                os.close(folder_fd)
        except ForeignEntryError as error:
            raise refuse_foreign(str(error), self.path) from error
        except OSError as error:
            raise explain(error, self.path) from error

    def _publish(self, folder_fd: int, files: Mapping[str, bytes]) -> None:
        layout = survey(folder_fd)
        names = {key.partition("/")[0] for key in files}
        current = layout.current
        if current is not None and holds(folder_fd, current, files, self._mode):
            _sweep(folder_fd, layout, keep={current, self._previous})
            for name in names - layout.links:
                _link(folder_fd, name)
        else:
            # First, as a small volume may have no room for three.
            _sweep(folder_fd, layout, keep={current})
            self._swap(folder_fd, layout, files, names - layout.links)
            self._previous = current
        for name in layout.links - names:
            os.unlink(name, dir_fd=folder_fd)

    def _swap(
        self, folder_fd: int, layout: Layout, files: Mapping[str, bytes], new_names: set[str]
    ) -> None:
        generation = self._name_generation(layout)
        made = ExitStack()
        try:
            os.mkdir(generation, 0o700, dir_fd=folder_fd)
            made.callback(shutil.rmtree, generation, dir_fd=folder_fd)
            write_generation(folder_fd, generation, files, self._mode)
            for name in new_names:
                _link(folder_fd, name)
                made.callback(os.unlink, name, dir_fd=folder_fd)
            os.symlink(generation, DATA_TMP, dir_fd=folder_fd)
            made.callback(os.unlink, DATA_TMP, dir_fd=folder_fd)
            os.rename(DATA_TMP, DATA, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except OSError:
            made.close()
            raise

    def _name_generation(self, layout: Layout) -> str:
        stamp = time.strftime("..%Y_%m_%d_%H_%M_%S", time.gmtime(self._clock.wall()))
        while True:
            name = f"{stamp}.{int.from_bytes(os.urandom(4)):010d}"
            if name not in layout.generations:
                return name


def _sweep(folder_fd: int, layout: Layout, keep: set[str | None]) -> None:
    """Remove generations that are no longer needed, and what a killed writer left.

    A stale ``..data_tmp`` stops the kubelet's own writer for good (seen with 1.34: file exists).
    """
    if layout.swapping:
        os.unlink(DATA_TMP, dir_fd=folder_fd)
    for generation in layout.generations - keep:
        shutil.rmtree(generation, dir_fd=folder_fd)


def _link(folder_fd: int, name: str) -> None:
    os.symlink(link_target(name), name, dir_fd=folder_fd)
