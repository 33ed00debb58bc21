"""Speaks with the Kubernetes API: one client over plain dicts, one watch, their errors and objects.

`client` and `access` are the only modules that import the package `kubernetes`; the others cost
nothing where the API is not used.
"""

from sidecar.kube.deferral import defer

defer()  # before any module of this room imports it
