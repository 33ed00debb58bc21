"""Alertmanager's configuration as models: the format of release 0.34, with what is newer than 0.25.

They hold names, types and single values; what must hold between fields is told by `rules`.
"""
