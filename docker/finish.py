"""Gives every file of the image one date, so that the same content makes the same layer.

python3 docker/finish.py SECONDS FOLDER...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Set the dates."""
    date_s = int(sys.argv[1])
    for name in sys.argv[2:]:
        for path in (Path(name), *Path(name).rglob("*")):
            os.utime(path, (date_s, date_s), follow_symlinks=False)


if __name__ == "__main__":
    main()
