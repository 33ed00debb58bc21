"""Judges Alertmanager configurations as Alertmanager itself would, and says more about them.

A rule set of the second stage of the journey. `check` is the way in; everything runs in a
short-lived child, because models and trees are heavy. What Alertmanager refuses is an error here,
measured against `amtool check-config` (`make agreement`); what it accepts and regrets is a warning.
"""
