"""The way of a call through the rooms: every step from one room into another, in order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple

from tests.helpers.rooms import DOOR


class Step(NamedTuple):
    """A call that crosses from a room into another."""

    caller: str
    room: str
    function: str


def walk(call: Callable[[], object]) -> list[Step]:
    """The steps that a call takes, in all its threads; what runs while a module loads is left out."""
    steps: list[Step] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            steps.extend(_step(frame))

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return steps


def _step(frame: FrameType) -> Iterator[Step]:
    room = _room(frame)
    above = frame.f_back
    while above is not None and not _room(above):
        above = above.f_back
    caller = _room(above) if above else ""
    if room and caller and room != caller:
        yield Step(caller, room, frame.f_code.co_qualname)


def _room(frame: FrameType) -> str:
    """The room of a frame's code; empty for what is not the package's."""
    parts = str(frame.f_globals.get("__name__", "")).split(".")
    return parts[1] if parts[0] == DOOR and len(parts) > 1 else ""
