"""Many sidecars on one real API server, and what each edit costs it: ``python -m bench.fleet``."""
