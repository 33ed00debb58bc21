"""Judges a candidate before anybody is signalled: emptiness, syntax, schema, the daemon's program.

Second stage of the journey. What could be large is parsed in a short-lived child process, because
a parser's memory does not come back: a 1 MiB YAML document costs its reader 53 MB for good.
"""
