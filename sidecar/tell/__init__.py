"""Tells people and machines what happens: metrics, log lines, webhooks; remembers in a journal."""
