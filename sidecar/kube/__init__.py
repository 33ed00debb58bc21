"""Speaks with the Kubernetes API: one client over plain dicts, one watch, their errors and objects.

`client` and `access` are the only modules that import the package `kubernetes`; the others cost
nothing where the API is not used.
"""
