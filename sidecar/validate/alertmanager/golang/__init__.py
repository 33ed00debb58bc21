"""What Go's libraries accept, told without Go: YAML scalars, expressions, durations, templates.

Alertmanager is written in Go, and a configuration is good when Go's parsers take it. Each module
here answers for one of them. Nothing imports anything beyond the standard library.
"""
