"""Arrays of the host that Triton's interpreter takes for tensors, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
MARGIN = 2**15  # numbers before and after each array


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype, bfloat16 included."""
    if name == "bfloat16":
        import jax.numpy as jnp

        return np.dtype(jnp.bfloat16)
    return np.dtype(name)


class HostTensor:
    """An array between margins of NaN, with the few methods that the interpreter asks of a tensor.

    Attributes
    ----------
    dtype : str
        Triton's name of the dtype.
    array : array
        The numbers without the margins, a view.
    """

    def __init__(self, array: Array, dtype: str) -> None:
        self.dtype = dtype
        self._whole = np.full(array.size + 2 * MARGIN, np.nan, dtype=numpy_dtype(dtype))
        self.array = self._whole[MARGIN : MARGIN + array.size].reshape(array.shape)
        self.array[...] = array

    def margins_are_intact(self) -> bool:
        """Whether nothing was written outside."""
        edges = np.concatenate([self._whole[:MARGIN], self._whole[-MARGIN:]])
        return bool(np.isnan(edges.astype(np.float32)).all())

    def data_ptr(self) -> int:
        """Address of the first number."""
        return int(self.array.ctypes.data)

    def untyped_storage(self) -> HostTensor:
        """The interpreter copies a device's storage to the host; this is there already."""
        return self

    def cpu(self) -> HostTensor:
        """Itself."""
        return self

    def copy_(self, other: HostTensor) -> None:
        """Nothing to bring back."""

    def new_empty(self, size: int, device: str) -> HostTensor:
        """The tensor that `set_` would fill."""
        return self

    def set_(self, *storage: Any) -> None:
        """Nothing to set."""

    def storage_offset(self) -> int:
        """It starts its storage."""
        return 0

    def size(self) -> tuple[int, ...]:
        """Sizes of its dimensions."""
        return self.array.shape

    def stride(self) -> tuple[int, ...]:
        """Numbers from one index to the next."""
        return tuple(step // self.array.itemsize for step in self.array.strides)


class HostMemory:
    """Where the interpreter's arrays live."""

    exact_products = True

    def __init__(self) -> None:
        self.tensors: list[HostTensor] = []

    def put(self, array: Array, dtype: str) -> HostTensor:
        """A tensor of these numbers, rounded to the dtype."""
        tensor = HostTensor(np.asarray(array), dtype)
        self.tensors.append(tensor)
        return tensor

    def blank(self, size: tuple[int, ...], dtype: str) -> HostTensor:
        """A tensor of NaN."""
        return self.put(np.full(size, np.nan), dtype)

    def clear(self, tensor: HostTensor) -> None:
        """Fill a tensor with zeros."""
        tensor.array[...] = 0

    def holds(self, addresses: Array) -> bool:
        """Whether every address is inside a tensor."""
        at = np.asarray(addresses, dtype=np.uint64)
        inside = np.zeros(at.shape, dtype=bool)
        for tensor in self.tensors:
            first = np.uint64(tensor.data_ptr())
            inside |= (at >= first) & (at < first + np.uint64(tensor.array.nbytes))
        return bool(inside.all())

    def get(self, tensor: HostTensor) -> Array:
        """The numbers in float64."""
        return tensor.array.astype(np.float64)

    def is_intact(self, tensor: HostTensor) -> bool:
        """Whether the margins hold nothing but NaN."""
        return tensor.margins_are_intact()
