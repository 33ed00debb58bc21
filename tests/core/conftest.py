"""Sets how many random histories are tried: `SUREHUP_HISTORIES` names the profile."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "regular", max_examples=200, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("thorough", settings.get_profile("regular"), max_examples=5_000)
settings.register_profile(
    "mutants",
    settings.get_profile("regular"),
    max_examples=300,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
)
settings.load_profile(os.environ.get("SUREHUP_HISTORIES", "regular"))
