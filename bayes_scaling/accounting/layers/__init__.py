"""Layers: mixers and feed-forward layers that stack to architectures, each counted once.

A mixer or a feed-forward layer is one small file; a `Stack` of them is an architecture.
"""

from bayes_scaling.accounting.layers.attention import Attention
from bayes_scaling.accounting.layers.delta_net import GatedDeltaNet
from bayes_scaling.accounting.layers.feed_forward import Dense, Experts
from bayes_scaling.accounting.layers.latent_attention import LatentAttention
from bayes_scaling.accounting.layers.layer import FeedForward, Layer, Mixer
from bayes_scaling.accounting.layers.stack import Stack

__all__ = [
    "Attention",
    "Dense",
    "Experts",
    "FeedForward",
    "GatedDeltaNet",
    "LatentAttention",
    "Layer",
    "Mixer",
    "Stack",
]
