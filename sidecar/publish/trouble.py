"""What keeps files from being published, for the person who has to fix it."""

from __future__ import annotations

import errno
import os

from sidecar.core.errors import PublishError


def explain(error: OSError, path: str) -> PublishError:
    """The sentence for what the system said while `path` was written."""
    shown = _printable(path)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return PublishError(
                f"The new files do not fit into {shown} ({error.strerror}): raise the sizeLimit of "
                "its emptyDir (with medium Memory also the pod's memory limit) to three times the "
                "size of the configuration."
            )
        case errno.EROFS:
            return PublishError(
                f"Nothing can be published in {shown}, which is read-only for the sidecar: mount "
                "an emptyDir there, with readOnly in the main container alone."
            )
        case errno.EACCES | errno.EPERM:
            return PublishError(
                f"UID {os.geteuid()} and GID {os.getegid()} may not write or clean up in "
                f"{shown}: mount an emptyDir there, set fsGroup in the pod's securityContext, and "
                "let one UID alone publish."
            )
        case errno.ENOTDIR | errno.ELOOP:
            return PublishError(
                f"Nothing can be published in {shown}, which is not a folder: give --publish the "
                "folder where the shared emptyDir is mounted."
            )
        case errno.ENOENT:
            return PublishError(
                f"Nothing can be published in {_place(error, path)}, which does not exist: mount "
                "one emptyDir there in the sidecar and in the main container, or correct --publish."
            )
        case _:
            return PublishError(
                f"{_place(error, path)} cannot be published ({error.strerror}): check the volume "
                "and its node."
            )


def refuse_foreign(name: str, path: str) -> PublishError:
    """The sentence for something in the folder that surehup did not put there."""
    return PublishError(
        f"{_printable(path)} holds {name!r}, which surehup did not put there and will not touch: "
        "move it away, or give --publish an emptyDir of its own, which the main container mounts "
        "readOnly."
    )


def refuse_key(key: str, path: str) -> PublishError:
    """The sentence for a key that cannot be a file."""
    return PublishError(
        f"The key {key!r} cannot become a file below {_printable(path)}: rename it in "
        "the ConfigMap or in the items of its volume."
    )


def _place(error: OSError, path: str) -> str:
    """Names inside are relative to the folder; `path` itself comes back as it is."""
    inner = error.filename if isinstance(error.filename, str) else ""
    return _printable(os.path.join(path, inner) if inner else path)  # noqa: PTH118 - bytes and odd names pass unchanged


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
