"""What users import: the names on the door and those of the rooms that stand on it."""

from __future__ import annotations

import bayes_scaling as bs

ROOMS = {
    "laws": dict.fromkeys(("LAWS", "Law", "get_law", "register_law"), "law"),
    "data": bs.data._HOMES,
    "classical": {name: home for name, home in bs.classical._HOMES.items() if name.islower()},
    "latency": {
        "LatencyFit": "fit",
        "Timings": "timings",
        "fit_latency": "fitting",
        "load_latency": "fit",
        "load_timings": "timings",
    },
    "models": bs.models._HOMES,
    "sweep": bs.sweep._HOMES,
}
"""Room to its public names, each with the module below the room that defines it."""

PUBLIC = {name: f"{home}.{name}" for name, home in bs._HOMES.items()} | {
    f"{room}.{name}": f"{room}.{home}.{name}"
    for room, homes in ROOMS.items()
    for name, home in homes.items()
    if name not in bs._HOMES
}
"""Name as written after ``bs.`` to where it is defined, below the package."""


def public_object(name: str) -> object:
    """What a user gets by ``bs.<name>``."""
    found: object = bs
    for part in name.split("."):
        found = getattr(found, part)
    return found
