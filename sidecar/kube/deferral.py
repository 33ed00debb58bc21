"""Puts off the parts of the package `kubernetes` that a sidecar in a pod never uses.

The package imports all its parts at once. Measured on 37.0 and CPython 3.11: `config` (kubeconfigs,
with OAuth) and `stream` (exec over WebSockets, with requests) cost 6 of the 51 MB that a sidecar
with the API client holds. Whoever asks one of them for anything gets it, loaded then.
"""

from __future__ import annotations

import importlib
import sys
import threading
from types import ModuleType

UNUSED = ("kubernetes.config", "kubernetes.stream")

_LOADING = threading.RLock()


class DeferredModule(ModuleType):
    """Stands in for a module until somebody asks for what is in it."""

    def __getattr__(self, name: str) -> object:
        with _LOADING:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            return getattr(importlib.import_module(self.__name__), name)


def defer() -> None:
    """Let the next import of `kubernetes` pass over them; nothing that is loaded is touched."""
    for name in UNUSED:
        sys.modules.setdefault(name, DeferredModule(name))
