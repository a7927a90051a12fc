"""Datasheet constants of the devices that a model is served on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.files.small import read_toml
from bayes_scaling.numbers.plain import is_positive_number

NUMBERS = ("flops_per_second", "bytes_per_second", "memory_bytes", "units")


class DeviceError(BayesScalingError):
    """A device whose constants are not known or not possible."""


@dataclass(frozen=True)
class Device:
    """What a device can do at best.

    Attributes
    ----------
    name : str
    flops_per_second : float
        Dense peak in `dtype`.
    bytes_per_second : float
        Peak bandwidth of the main memory.
    memory_bytes : float
    units : int
        Streaming multiprocessors, or cores.
    source : str
        Where the constants are from.
    dtype : str
        The dtype of the peak.
    matches : tuple of str
        Names that a driver gives this device.

    Raises
    ------
    DeviceError
        A constant that is not a positive, finite number.
    """

    name: str
    flops_per_second: float
    bytes_per_second: float
    memory_bytes: float
    units: int
    source: str = "given"
    dtype: str = "bfloat16"
    matches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in NUMBERS:
            value = getattr(self, field)
            if not is_positive_number(value):
                raise DeviceError(f"device {self.name!r}: {field} = {value!r} must be a positive number.")
        if self.units != int(self.units):
            raise DeviceError(f"device {self.name!r}: units = {self.units!r} must be a whole number.")


def parallel_device(device: Device, degree: int) -> Device:
    """Several devices that share each matrix of a model, as one: all their peaks, memory and units.

    Raises
    ------
    DeviceError
        A degree that is not 1 or more.
    """
    if degree < 1:
        raise DeviceError(f"tensor parallel degree {degree}: give 1 or more devices")
    return replace(
        device,
        name=f"{device.name} x {degree}",
        flops_per_second=degree * device.flops_per_second,
        bytes_per_second=degree * device.bytes_per_second,
        memory_bytes=degree * device.memory_bytes,
        units=degree * device.units,
    )


def get_device(name: str, path: str | Path | None = None) -> Device:
    """The constants of a device by its name here, or by the name its driver gives it.

    Parameters
    ----------
    name : str
        One of `device_names`, in any case, such as ``"H100-SXM"``.
    path : path, optional
        A TOML file with a table for each further device: the fields of `Device`.

    Raises
    ------
    DeviceError
        An unknown device, or a file that does not hold devices.
    """
    known = shipped() if path is None else {**shipped(), **read_devices(Path(path))}
    for device in known.values():
        if name.casefold() in {each.casefold() for each in (device.name, *device.matches)}:
            return device
    raise DeviceError(
        f"device {name!r} is not known; the devices are: {', '.join(known)}. "
        f"For another one give its constants: Device(name, {', '.join(NUMBERS)}), "
        f"or a TOML file with a table [{name}] of these fields."
    )


def device_names() -> tuple[str, ...]:
    """Names of the devices whose constants ship."""
    return tuple(shipped())


@cache
def shipped() -> dict[str, Device]:
    """The devices of ``data/devices.toml``."""
    text = files("bayes_scaling.data").joinpath("devices.toml").read_text(encoding="utf-8")
    return parse_devices(tomllib.loads(text), "data/devices.toml")


def read_devices(path: Path) -> dict[str, Device]:
    """The devices of a TOML file.

    Raises
    ------
    DeviceError
        The file cannot be read, or a table misses a field.
    """
    return read_toml(
        path,
        lambda tables: parse_devices(tables, str(path)),
        "a readable TOML file of devices",
        error=DeviceError,
    )


def parse_devices(tables: Mapping[str, Any], place: str) -> dict[str, Device]:
    """Devices from tables by name."""
    return {name: parse_device(name, table, place) for name, table in tables.items()}


def parse_device(name: str, table: Any, place: str) -> Device:
    """One device from its table of fields."""
    if not isinstance(table, Mapping):
        raise DeviceError(f"{place}: {name} is no table; write [{name}] above the device's constants.")
    known = {field.name for field in fields(Device)} - {"name"}
    for field in table:
        if field not in known:
            raise DeviceError(
                f"{place}: [{name}] has an unknown field {field!r}; use: {', '.join(sorted(known))}."
            )
    for field in NUMBERS:
        if field not in table:
            raise DeviceError(f"{place}: [{name}] misses {field}; give all of: {', '.join(NUMBERS)}.")
    matches = table.get("matches", [])
    if not isinstance(matches, list) or not all(isinstance(match, str) for match in matches):
        raise DeviceError(
            f'{place}: [{name}] matches = {matches!r:.60}: give a list of names, such as ["H100"].'
        )
    return Device(name=name, **{**table, "matches": tuple(matches)})
