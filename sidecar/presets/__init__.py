"""What is known of each daemon, as data: one YAML file each, in the shape of the settings file.

`names` lists them without reading any; `loading` reads one; `convert` turns the shape (a preset, or
a preset with a user's own fields laid over it) into the types of the core.
"""
