"""One thing to judge: a file, a folder with a daemon's configuration, an object of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.report import Finding
from sidecar.validate.manifests.origin import WHOLE_FILE, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Files that belong together, by key.

    `path` is the file or folder as the user spelled it; `paths` has the file of each key.
    `files` were asked for; `around` are the files beside them,
    that a daemon's program needs and that are not judged themselves. `mount` is where the daemon
    sees them. `resource` names the object in a manifest, `secret` forbids to show any content.
    """

    path: str
    files: Mapping[str, bytes]
    around: Mapping[str, bytes] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    resource: str = ""
    secret: bool = False
    preset: str = ""
    main_key: str = ""
    mount: str = ""
    line: int | None = None
    findings: tuple[Finding, ...] = ()
    is_manifest_file: bool = False

    @property
    def all_files(self) -> dict[str, bytes]:
        """The files, and those around."""
        return {**self.around, **self.files}

    def path_of(self, key: str) -> str:
        """The file that people open to see `key`."""
        return self.paths.get(key, self.path)

    def origin_of(self, key: str) -> Origin:
        """Where the lines of `key` stand in that file."""
        return self.origins.get(key, WHOLE_FILE)
