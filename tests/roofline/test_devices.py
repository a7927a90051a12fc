"""Datasheet constants: what ships, what a user gives, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayes_scaling.roofline.devices import Device, DeviceError, device_names, get_device

OWN = """
[my-card]
flops_per_second = 1e14
bytes_per_second = 1e12
memory_bytes = 4.8e10
units = 100
"""


def test_devices_that_ship() -> None:
    assert {"A100-SXM-80GB", "H100-SXM", "H200-SXM", "B200", "cpu"} == set(device_names())
    for name in device_names():
        device = get_device(name)
        assert len(device.source) > 20
        assert 1 < device.flops_per_second / device.bytes_per_second < 1000  # FLOPs a byte at the corner


def test_name_of_the_driver_and_any_case() -> None:
    assert get_device("NVIDIA H100 80GB HBM3") is get_device("h100-sxm")


def test_own_device(tmp_path: Path) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(OWN)
    assert get_device("my-card", path) == Device("my-card", 1e14, 1e12, 4.8e10, 100)
    assert get_device("B200", path).units == 148


def test_unknown_device_is_asked_for_its_constants() -> None:
    with pytest.raises(DeviceError, match=r"device 'H900' is not known; .* give its constants: Device\(name"):
        get_device("H900")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN.replace("units = 100", ""), r"\[my-card\] misses units"),
        (OWN.replace("units", "cores"), r"\[my-card\] has an unknown field 'cores'"),
        (OWN.replace("1e12", "-1.0"), r"device 'my-card': bytes_per_second = -1.0 must be a positive number"),
        (OWN.replace("1e12", "nan"), r"bytes_per_second = nan must be"),
        (OWN.replace("100", "1.5"), r"units = 1.5 must be a whole number"),
        ("units = 3", r"units is no table"),
        ("[", r"not a readable TOML file of devices"),
    ],
)
def test_bad_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(text)
    with pytest.raises(DeviceError, match=message):
        get_device("my-card", path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"none.toml: cannot be read"):
        get_device("my-card", tmp_path / "none.toml")
