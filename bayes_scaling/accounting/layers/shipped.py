"""The stacks that are known by name, after published models.

Each family passes near the model that it is named for.
"""

from __future__ import annotations

from bayes_scaling.accounting.families import ShapeFamily
from bayes_scaling.accounting.layers.attention import Attention
from bayes_scaling.accounting.layers.delta_net import GatedDeltaNet
from bayes_scaling.accounting.layers.feed_forward import Dense, Experts
from bayes_scaling.accounting.layers.latent_attention import LatentAttention
from bayes_scaling.accounting.layers.layer import Layer
from bayes_scaling.accounting.layers.stack import Stack

TIED = Stack((Layer(Attention(), Dense()),), tied=True).architecture(
    "transformer-tied",
    aliases=("tied",),
    source="Press and Wolf 2017, arXiv:1608.05859",
    family=ShapeFamily(largest_head_dim=128.0),
)
LATENT = Stack((Layer(LatentAttention(), Dense()),)).architecture(
    "transformer-mla",
    aliases=("mla", "latent-attention"),
    source="DeepSeek-V2, arXiv:2405.04434",
    family=ShapeFamily(largest_head_dim=128.0),
)
MISTRAL = Stack((Layer(Attention(window=4096), Dense()),)).architecture(
    "mistral",
    aliases=("sliding-window",),
    source="Mistral 7B, arXiv:2310.06825",
    family=ShapeFamily(
        blocks=12.1, ffn_ratio=3.5, num_kv_heads=8.0, vocab_size=32000, largest_head_dim=128.0
    ),
)
GEMMA2 = Stack(
    (Layer(Attention(window=4096), Dense(), norms=4), Layer(Attention(), Dense(), norms=4)), tied=True
).architecture(
    "gemma2",
    aliases=("gemma-2", "local-global"),
    source="Gemma 2, arXiv:2408.00118",
    family=ShapeFamily(
        head_dim=256.0, ffn_ratio=4.0, kv_ratio=0.5, vocab_size=256128, largest_head_dim=256.0
    ),
)
MIXTRAL = Stack((Layer(Attention(), Experts(total=8, active=2)),)).architecture(
    "mixtral",
    aliases=("moe-8-top-2",),
    source="Mixtral, arXiv:2401.04088",
    family=ShapeFamily(
        blocks=12.1, ffn_ratio=3.5, num_kv_heads=8.0, vocab_size=32000, largest_head_dim=128.0
    ),
)

_DENSE_FIRST = Layer(LatentAttention(), Dense(widening=9))
_SPARSE = Layer(LatentAttention(), Experts(total=256, active=8, shared=1, router_bias=True))
DEEPSEEK_V3 = Stack((_DENSE_FIRST,) * 3 + (_SPARSE,) * 58).architecture(
    "deepseek-v3",
    aliases=("deepseek-r1",),
    source="DeepSeek-V3, arXiv:2412.19437, without its module that predicts a second token",
    family=ShapeFamily(
        blocks=15.6, expansion=16 / 7, ffn_ratio=2 / 7, vocab_size=129280, width_multiple=448,
        largest_head_dim=128.0,
    ),
)  # fmt: skip

DELTA_NET = Stack((Layer(GatedDeltaNet(), Dense()),)).architecture(
    "gated-deltanet",
    aliases=("gdn", "gated-delta-net"),
    source="Gated delta networks, arXiv:2412.06464",
    family=ShapeFamily(largest_head_dim=128.0),
)
HYBRID = Stack((Layer(GatedDeltaNet(), Dense()),) * 3 + (Layer(Attention(), Dense()),)).architecture(
    "gated-deltanet-hybrid",
    aliases=("gdn-hybrid",),
    source="arXiv:2412.06464; three delta nets to one attention, as in Qwen3-Next",
    family=ShapeFamily(largest_head_dim=128.0),
)

_512 = Experts(total=512, active=10, shared=1, shared_gate=True)
_DELTA = Layer(GatedDeltaNet(key_heads=1, values_per_key=2, head_share=0.5), _512)
_GATED = Layer(Attention(gated=True, normed=True), _512)
QWEN3_NEXT = Stack((_DELTA, _DELTA, _DELTA, _GATED)).architecture(
    "qwen3-next",
    source="Qwen3-Next-80B-A3B, model card and config.json; without its module that predicts a second token",
    family=ShapeFamily(
        blocks=29.5, head_dim=256.0, expansion=2.0, ffn_ratio=0.25, num_kv_heads=2.0, vocab_size=151936,
        largest_head_dim=256.0,
    ),
)  # fmt: skip

SHIPPED = (
    TIED,
    LATENT,
    MISTRAL,
    GEMMA2,
    MIXTRAL,
    DEEPSEEK_V3,
    DELTA_NET,
    HYBRID,
    QWEN3_NEXT,
)
