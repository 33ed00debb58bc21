"""The pure core: decides what to do, never does it. No I/O, no clock, no threads."""
