"""Finds the one process to signal, signals exactly it, and notices when it ends.

Fourth stage of the journey. Containers of a pod that shares its PID namespace see each other's
processes; what may be believed of them, and in which order, was measured for every step here.
"""
