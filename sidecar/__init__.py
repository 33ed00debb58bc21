"""surehup: turns an edited ConfigMap into a proven reload."""

__version__ = "0.1.0"
