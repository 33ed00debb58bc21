"""Answers over HTTP: metrics, probes, status, and a person's wish for an attempt now."""
