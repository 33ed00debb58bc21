"""Writes down in the cluster what was decided: annotations, history, Events, the pod's condition.

Adapters over `kube.ports.Objects`; none of them decides anything, and each works without the others
where the Role leaves rights out.
"""
