"""Writes what a check found: for people, for programs, for CI servers and for code scanning.

`model` is what all formats are written from; each format is one module with `write(report)`, that
returns text and touches nothing, so that the same report always reads the same.
"""
