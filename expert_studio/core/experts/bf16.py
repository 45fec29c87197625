"""Weights as bfloat16 in a safetensors file, the one form a package holds.

Knows nothing of what the weights are for. Never imports torch: numpy has no bfloat16,
so its 16 bits travel as uint16.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import TensorSpec, serialize

if TYPE_CHECKING:  # reading a package and opening the window take none of it
    import numpy as np
    from numpy.typing import NDArray


def bf16_bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Rounds float32 to bfloat16, ties to even; the result holds its bits, same shape."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)).astype("<u2")


def safetensors_bytes(tensors: Mapping[str, NDArray[np.uint16]]) -> bytes:
    """A safetensors file of bfloat16 bits, the same bytes for the same tensors."""
    import numpy as np

    held = {name: np.ascontiguousarray(tensors[name], dtype="<u2") for name in sorted(tensors)}
    return bytes(
        serialize(
            {
                name: TensorSpec(
                    dtype="bfloat16",
                    shape=bits.shape,
                    data_ptr=bits.ctypes.data,
                    data_len=bits.nbytes,
                )
                for name, bits in held.items()
            }
        )
    )


def write_bf16(path: Path, tensors: Mapping[str, NDArray[np.uint16]]) -> None:
    """Writes tensors of bfloat16 bits as a safetensors file.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_bytes(safetensors_bytes(tensors))
