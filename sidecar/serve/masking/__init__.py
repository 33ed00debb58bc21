"""Configuration as others may see it: everything that could be a secret is replaced by `MASK`.

Pure, and wrong on the safe side: what may be a secret is masked, what cannot be understood is
masked as a whole. `child` is the front door: parsing takes memory that must not stay.
"""
