"""What `surehup check` does: reads paths, groups files into units, judges each, places findings.

`gather` makes units out of paths, `guess` tells the daemon by the content, `judge` runs the checks,
`place` turns findings into places in files that people can open.
"""
