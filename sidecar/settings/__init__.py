"""The only reader of flags, environment and the settings file.

The rest of the program sees `Settings`, plain data. What builds it (pydantic, PyYAML, argparse) is
heavy, so that a running sidecar has it built in a child: `child.load_settings_in_child`. Commands
that end soon call `loading.load_settings`.
"""
