"""Each quantization: its product is that of the float matrix it says it stands for."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from expert_studio.core.errors import LoadError
from expert_studio.core.inference import decoder_int4
from expert_studio.core.inference.decoder_quantization import (
    check_quantization,
    quantize,
    quantize_table,
)
from expert_studio.core.settings import Quantization
from tests.core.inference.float_reference import relative_l2

CPU = torch.device("cpu")
# bundled base, Qwen3-0.6B and Qwen2.5-0.5B widths; 48 rows suit no fused NF4 kernel
SHAPES = [(640, 320), (320, 896), (256, 1024), (1024, 3072), (1152, 896), (48, 128)]
# relative error of the product against the float matrix; int8 rounds its input as well
PRODUCT: dict[Quantization, float] = {
    "fp32": 1e-6, "bf16": 4e-3, "nf4": 4e-3, "int4": 4e-3, "int8": 1.5e-2,
}  # fmt: skip
# relative error of the float matrix against the original
ROUNDING: dict[Quantization, float] = {
    "fp32": 1e-9, "bf16": 3e-3, "nf4": 0.11, "int4": 0.11, "int8": 1e-2,
}  # fmt: skip


@pytest.mark.parametrize("quantization", ["fp32", "bf16", "nf4", "int4", "int8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_product_is_that_of_the_float_matrix(
    shape: tuple[int, int], quantization: Quantization
) -> None:
    random = torch.Generator().manual_seed(sum(shape))
    matrix = torch.randn(shape, generator=random) * 0.03
    bias = torch.randn(shape[0], generator=random).bfloat16().float()
    with torch.inference_mode():
        weight = quantize(matrix, bias, quantization, CPU)
        dense = weight.dequantized()
        assert dense.dtype == torch.float32
        assert relative_l2(dense, matrix) < ROUNDING[quantization]
        for tokens in (1, 2, 33, 100, 200):  # each kernel: of one, of few, through fp32 or bf16
            x = torch.randn(tokens, shape[1], generator=random)
            x = x if quantization == "fp32" else x.bfloat16()
            y = weight(x)
            assert y.dtype == x.dtype
            assert relative_l2(y.float(), x.float() @ dense.T + bias) < PRODUCT[quantization]


def test_int8_keeps_outlier_columns_in_float() -> None:
    random = torch.Generator().manual_seed(0)
    matrix = torch.randn(64, 320, generator=random) * 0.03
    x = torch.randn(4, 320, generator=random).bfloat16()
    x[1, 17], x[2, 200] = 300.0, -90.0
    with torch.inference_mode():
        weight = quantize(matrix, None, "int8", CPU)
        expected = x.float() @ weight.dequantized().T
        assert relative_l2(weight(x).float(), expected) < 1.5e-2


def test_int4_float_matrix_without_knowing_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor that packs otherwise, the kernel itself says what it stands for."""
    matrix = torch.randn(128, 192, generator=torch.Generator().manual_seed(3))
    weight = quantize(matrix, None, "int4", CPU)
    dense = weight.dequantized()
    monkeypatch.setattr(decoder_int4, "_known_order", lambda: False)
    assert torch.equal(weight.dequantized(), dense)


@pytest.mark.parametrize("quantization", ["fp32", "bf16", "nf4", "int8", "int4"])
def test_token_table_is_read_and_multiplied_alike(quantization: Quantization) -> None:
    matrix = torch.randn(512, 320, generator=torch.Generator().manual_seed(1))
    matrix[7] = 0.0
    with torch.inference_mode():
        table = quantize_table(matrix, quantization, CPU)
        ids = torch.tensor([3, 511, 7, 3])
        assert relative_l2(table.dequantized(), matrix) < 1.5e-2
        assert relative_l2(table.rows(ids).float(), table.dequantized()[ids]) < 3e-3
        x = table.rows(ids)
        assert relative_l2(table(x).float(), x.float() @ table.dequantized().T) < 4e-3


@pytest.mark.parametrize("quantization", ["int4", "nf4"])
def test_a_shape_that_cannot_be_packed_is_refused(quantization: Quantization) -> None:
    with pytest.raises(LoadError, match=quantization):
        quantize(torch.zeros(64, 100), None, quantization, CPU)


def test_a_gpu_without_an_int4_kernel_is_told_so() -> None:
    with pytest.raises(LoadError, match="Choose nf4"):
        check_quantization("int4", torch.device("cuda", 0))


def test_bitsandbytes_fetches_no_native_code(capfd: pytest.CaptureFixture[str]) -> None:
    quantize(torch.randn(64, 64), None, "nf4", CPU)
    assert "kernels" not in sys.modules
    assert "kernels" not in capfd.readouterr().err


def test_bitsandbytes_is_not_imported_before_it_is_needed() -> None:
    import subprocess

    program = (
        "import sys, expert_studio.core.inference.engine;"
        "sys.exit('bitsandbytes' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("quantization", ["nf4", "int8", "int4"])
def test_a_quantized_base_is_smaller_and_close(
    quantization: Quantization, bundled_engine: Any
) -> None:
    ids = bundled_engine("fp32").prompt_ids([])
    ids = ids or [1, 4120, 203, 77, 5000, 8, 1999, 42, 3000]
    full, small = bundled_engine("fp32"), bundled_engine(quantization)
    assert small.base.resident_bytes < 0.35 * full.base.resident_bytes
    assert relative_l2(small.logits(ids), full.logits(ids)) < 0.25
    assert small.base.parameters == full.base.parameters
