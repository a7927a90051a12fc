"""Stacks of layers against published params, training FLOPs and caches, to the digits that were published."""

from __future__ import annotations

import pytest

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.accounting.layers import Attention, Dense, Experts, LatentAttention, Layer, Stack
from bayes_scaling.accounting.scores import SOFTMAX_HALF

BILLION = 1e9
MIXTRAL = Shape(4096, 32, 32, 14336, num_kv_heads=8, vocab_size=32000)
MIXTRAL_22B = Shape(6144, 56, 48, 16384, num_kv_heads=8, vocab_size=32768)
DEEPSEEK_V3 = Shape(7168, 61, 128, 2048, head_dim_v=128, vocab_size=129280)
DEEPSEEK_V2 = Shape(5120, 60, 128, 1536, head_dim_v=128, vocab_size=102400)
QWEN3_NEXT = Shape(2048, 48, 16, 512, num_kv_heads=2, head_dim_v=256, vocab_size=151936)
V2_DENSE = Layer(LatentAttention(), Dense(widening=8))
V2_SPARSE = Layer(LatentAttention(), Experts(total=160, active=6, shared=2))
V2 = Stack((V2_DENSE, *(V2_SPARSE,) * 59)).architecture("deepseek-v2")


def table(shape: Shape) -> float:
    """Params of one embedding table."""
    return shape.vocab_size * shape.embedding_dim


@pytest.mark.parametrize(
    ("shape", "total", "active"),
    [
        (MIXTRAL, "46.7", "12.9"),  # Mistral AI, "Mixtral of experts", 2023-12-11
        (MIXTRAL_22B, "141", "39"),  # Mistral AI, "Cheaper, better, faster, stronger", 2024-04-17
    ],
)
def test_mixtral(shape, total, active):
    value = get_architecture("mixtral")
    digits = len(total.partition(".")[2])
    assert f"{value.params(shape) / BILLION:.{digits}f}" == total
    assert f"{value.active_params(shape) / BILLION:.{digits}f}" == active
    one_expert = Stack((Layer(Attention(), Experts(total=8, active=1)),))
    assert f"{one_expert.active_params(shape) / BILLION:.{digits}f}" != active


def test_deepseek_v3():
    """arXiv:2412.19437: 671B, 37B active; README_WEIGHTS.md of its repository: 36.6B with the head alone."""
    value = get_architecture("deepseek-v3")
    assert f"{value.params(DEEPSEEK_V3) / BILLION:.0f}" == "671"
    active = value.active_params(DEEPSEEK_V3) - table(DEEPSEEK_V3)  # the input's table is only looked up
    assert f"{active / BILLION:.1f}" == "36.6"
    assert f"{active / BILLION:.0f}" == "37"
    unshared = Layer(LatentAttention(), Experts(total=256, active=8, router_bias=True))
    assert f"{Stack((unshared,)).params(DEEPSEEK_V3) / BILLION:.0f}" != "671"


def test_deepseek_v2():
    """arXiv:2405.04434: 236B, 21B active."""
    assert f"{V2.params(DEEPSEEK_V2) / BILLION:.0f}" == "236"
    assert f"{V2.active_params(DEEPSEEK_V2) / BILLION:.0f}" == "21"
    assert f"{get_architecture('deepseek-v3').params(DEEPSEEK_V2) / BILLION:.0f}" != "236"


@pytest.mark.parametrize(
    ("value", "shape", "gigaflops"),
    [(get_architecture("deepseek-v3"), DEEPSEEK_V3, 250), (V2, DEEPSEEK_V2, 155)],
)
def test_training_flops_of_deepseek(value, shape, gigaflops):
    """arXiv:2505.09343, table 2, at a context of 4096: causal products, so softmax is taken out."""
    context = 4096
    counted = value.training_flops_per_token(shape, context)
    softmax = 3 * SOFTMAX_HALF * context * shape.num_heads * shape.num_blocks
    assert f"{(counted - softmax) / BILLION:.0f}" == str(gigaflops)
    full = value.training_flops_per_token(shape, context, mode="chinchilla")
    assert abs(full / BILLION / gigaflops - 1) > 0.1


def test_caches_per_token():
    """arXiv:2505.09343, table 1: 70.272, 327.680 and 516.096 KB a token in BF16."""
    latent = get_architecture("deepseek-v3").cache_bytes(DEEPSEEK_V3, 1, 1)
    assert latent == 70_272
    qwen = Shape(8192, 80, 64, 29568, num_kv_heads=8, vocab_size=152064)
    llama = Shape(16384, 126, 128, 53248, num_kv_heads=8, vocab_size=128256)
    grouped = get_architecture("transformer-gqa")
    assert grouped.cache_bytes(qwen, 1, 1) == 327_680
    assert grouped.cache_bytes(llama, 1, 1) == 516_096
    assert grouped.cache_bytes(DEEPSEEK_V3, 1, 1) > 50 * latent


@pytest.mark.parametrize(
    ("width", "blocks", "heads", "kv_heads", "ffn", "params"),
    [
        (4096, 32, 32, 8, 14336, 8_030_261_248),  # Llama 3 8B
        (8192, 80, 64, 8, 28672, 70_553_706_496),  # Llama 3 70B
    ],
)
def test_grouped_queries(width, blocks, heads, kv_heads, ffn, params):
    """Of the published checkpoints."""
    value = get_architecture("gqa")
    assert value.params(Shape(width, blocks, heads, ffn, num_kv_heads=kv_heads, vocab_size=128256)) == params
    assert value.params(Shape(width, blocks, heads, ffn, vocab_size=128256)) != params


def test_one_key_value_head():
    """Gemma 2B, arXiv:2403.08295, table 2: params of the embedding and of all else."""
    shape = Shape(2048, 18, 8, 16384, num_kv_heads=1, head_dim_v=256, vocab_size=256128)
    tied = get_architecture("transformer-tied").params(shape)
    assert table(shape) == 524_550_144
    assert tied - table(shape) == 1_981_884_416
    assert get_architecture("mqa").params(shape) == tied + table(shape)


@pytest.mark.parametrize(
    ("width", "blocks", "heads", "kv_heads", "head_dim", "ffn", "embedding", "others"),
    [
        (2304, 26, 8, 4, 256, 9216, 590_118_912, 2_024_517_888),
        (3584, 42, 16, 8, 256, 14336, 917_962_752, 8_324_201_984),
        (4608, 46, 32, 16, 128, 36864, 1_180_237_824, 26_047_480_320),
    ],
)
def test_gemma2(width, blocks, heads, kv_heads, head_dim, ffn, embedding, others):
    """arXiv:2408.00118, tables 1 and 2: local and global layers, tied embeddings."""
    shape = Shape(width, blocks, heads, ffn, num_kv_heads=kv_heads, head_dim_v=head_dim, vocab_size=256128)
    assert table(shape) == embedding
    assert get_architecture("gemma2").params(shape) == embedding + others
    two_norms = Stack((Layer(Attention(), Dense()),), tied=True)
    assert two_norms.params(shape) != embedding + others


def test_mistral():
    """Mistral 7B, arXiv:2310.06825, section 2: at 32k tokens the window makes the cache 8 times smaller."""
    shape = Shape(4096, 32, 32, 14336, num_kv_heads=8, vocab_size=32000)
    value, whole = get_architecture("mistral"), get_architecture("transformer")
    assert value.params(shape) == 7_241_732_096
    assert whole.cache_bytes(shape, 1, 32768) / value.cache_bytes(shape, 1, 32768) == 8
    assert value.cache_bytes(shape, 1, 1000) == whole.cache_bytes(shape, 1, 1000)


def test_qwen3_next():
    """Its model card: 80B params in total, 79B without embeddings, 3B active."""
    value = get_architecture("qwen3-next")
    params = value.params(QWEN3_NEXT)
    assert f"{params / BILLION:.0f}" == "80"
    assert f"{(params - 2 * table(QWEN3_NEXT)) / BILLION:.0f}" == "79"
    active = value.active_params(QWEN3_NEXT) - 2 * table(QWEN3_NEXT)
    assert f"{active / BILLION:.0f}" == "3"
    attention_alone = Stack((value.count_params.__self__.pattern[3],))
    mixers = params - attention_alone.params(QWEN3_NEXT)
    assert mixers == 36 * (33_718_464 - 27_263_488)  # a delta net and a gated attention, by hand
