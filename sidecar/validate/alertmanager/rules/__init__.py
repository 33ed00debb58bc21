"""What must and should hold between the fields of a configuration, by family, one module each.

Codes never change their meaning: Exxx rejects (Alertmanager would refuse the file), Wxxx warns,
Ixxx informs. The numbers tell the family: 0 file, 1 structure, 2 routes, 3 receivers, 4 inhibition,
5 time intervals, 6 templates, 7 global settings and HTTP, 8 security, 9 good practice.
"""
