"""The one switch for the network: whether anything may leave this machine.

It is off when the person says so, in the settings or by `EXPERT_STUDIO_OFFLINE`. Every way
out (`inference.hub`, `datasets.provider_address`, fetching by Git) asks here before it dials;
servers on this machine stay reachable. The choice stands in the environment, so that child
processes keep to it as well. Knows nothing of what is fetched.
"""

from __future__ import annotations

import os
from ipaddress import ip_address

FROM_OUTSIDE = "EXPERT_STUDIO_OFFLINE"  # set by the person, or who installed it for them
FROM_SETTINGS = "EXPERT_STUDIO_OFFLINE_CHOSEN"  # set here alone, for child processes
_ON = {"1", "true", "yes", "on"}


def switch(*, off: bool) -> None:
    """Takes the person's choice, for this process and those it starts from now on."""
    if off:
        os.environ[FROM_SETTINGS] = "1"
    else:
        os.environ.pop(FROM_SETTINGS, None)


def is_off() -> bool:
    """Whether nothing may leave this machine."""
    return is_off_from_outside() or _is_on(FROM_SETTINGS)


def is_off_from_outside() -> bool:
    """Whether the environment switched it off, which no setting can change."""
    return _is_on(FROM_OUTSIDE)


def why_off() -> str:
    """Who switched it off, as a sentence."""
    if is_off_from_outside():
        return f"The network is switched off by {FROM_OUTSIDE}."
    return "The network is switched off in the settings."


def how_on() -> str:
    """What to do about it, as a sentence."""
    if is_off_from_outside():
        return f"Unset {FROM_OUTSIDE}, or bring the files to this machine by other means."
    return "Switch it on in the settings, or bring the files to this machine by other means."


def is_this_machine(host: str) -> bool:
    """Whether a host, by name or number, is this machine itself; nothing is looked up."""
    name = host.lower().strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in _ON
