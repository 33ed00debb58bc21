"""Fakes of the edges, shipped: the demo, the bench and the tests use the same ones."""
