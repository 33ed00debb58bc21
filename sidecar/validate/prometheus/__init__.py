"""Says of a Prometheus configuration what promtool does not look at.

`promtool check config` (2.42) accepts a rule pattern that matches nothing, a password_file that is
not there, a file_sd file that is not there, and anything at all about secrets. `lint` is the way in
(a job for a child, or called at once by `surehup check`); `table` holds the rules.
"""
