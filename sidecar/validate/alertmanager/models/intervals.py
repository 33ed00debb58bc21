"""Time intervals: when routes are muted or active."""

from __future__ import annotations

from sidecar.validate.alertmanager.fields import Maybe, Optional, Several, Text
from sidecar.validate.alertmanager.models.base import Block


class TimeRange(Block):
    """From one time of the day to another."""

    start_time: Text = ""
    end_time: Text = ""


class TimeInterval(Block):
    """All parts that are given must hold; within a part, one entry must."""

    times: Several[Maybe[TimeRange]] = ()
    weekdays: Several[Optional[Text]] = ()
    days_of_month: Several[Optional[Text]] = ()
    months: Several[Optional[Text]] = ()
    years: Several[Optional[Text]] = ()
    location: Optional[Text] = None


class NamedIntervals(Block):
    """A name for several intervals."""

    name: Text = ""
    time_intervals: Several[Maybe[TimeInterval]] = ()
