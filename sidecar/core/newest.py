"""Which content is to be decided: what the API declares, or what the mount alone tells."""

from __future__ import annotations

from sidecar.core.bridge import Mode
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import State

UNMOUNTED = ""
"""The fence of content that the daemon's folder does not carry yet."""


def find_newest(state: State) -> Mounted | None:
    """The newest content known, with the generation that carries it, if one does.

    The API says what the cluster asks for. Where nothing trustworthy is known of it, the mount
    does; a published folder only follows, so there another folder may offer what comes. None while
    nothing is known, or the API is just being asked.
    """
    if _is_asking(state):
        return None
    coming = _find_coming(state)
    return state.mounted if coming is None else carry(state, coming)


def carry(state: State, content: Snapshot) -> Mounted:
    """`content` as the daemon's folder carries it, or as still to come."""
    mounted = state.mounted
    if mounted is not None and mounted.snapshot.digest == content.digest:
        return mounted
    return Mounted(content, UNMOUNTED, float("inf"))


def is_from_api(state: State) -> bool:
    """Whether the newest content is what the API shows."""
    return state.api is not None and state.api.is_trusted


def whole(state: State, digest: str) -> str:
    """The name that annotations and people use for what is called `digest` here."""
    return state.wholes.get(digest, digest)


def _find_coming(state: State) -> Snapshot | None:
    if state.api is not None and state.api.is_trusted and state.api.declared is not None:
        return state.api.declared.content
    return state.offered if state.bridge.source.mode is Mode.PUBLISHED else None


def _is_asking(state: State) -> bool:
    side = state.api
    if side is None:
        return False
    empty = state.bridge.source.mode is Mode.PUBLISHED and state.mounted is None
    recalling = empty and side.recalling is not None
    return side.is_asked or side.awaited_until_s is not None or recalling
