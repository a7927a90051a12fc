"""Whether a table was measured on the device that is named."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_scaling.errors import LatencyError
from bayes_scaling.roofline.devices import Device, device_names, get_device


def check_device(names: Any, device: Device, source: str) -> None:
    """Refuse a table whose column ``device`` names another device, or several.

    A name that no device here is known by passes for a device whose `matches` are empty.

    Raises
    ------
    LatencyError
        Naming the device, the row and the remedy.
    """
    column = pd.Series(names).reset_index(drop=True)
    known = column[column.notna() & (column.astype(str).str.strip() != "")].astype(str)
    found = tuple(dict.fromkeys(known))
    if len(found) > 1:
        raise LatencyError(
            f"{source}, column 'device': the rows are of {len(found)} devices ({', '.join(found[:3])}). "
            "Remedy: give one table a device."
        )
    if found and not _same(found[0], device):
        raise LatencyError(
            f"{source}, column 'device', row {int(known.index[0])}: measured on {found[0]!r}, but the device "
            f"named is {device.name!r}. Remedy: name the device that was measured, or add this name to its "
            "`matches` in a TOML file of devices."
        )


def _same(name: str, device: Device) -> bool:
    own = {each.casefold() for each in (device.name, *device.matches)}
    if name.casefold() in own:
        return True
    if device.matches:
        return False
    others = [get_device(each) for each in device_names()]
    return not any(name.casefold() in {n.casefold() for n in (o.name, *o.matches)} for o in others)
