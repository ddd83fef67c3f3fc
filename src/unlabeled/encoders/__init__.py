"""Encoders: networks from an instance to a vector, their heads, and their checkpoints."""

from unlabeled.encoders.bottleneck import Bottleneck
from unlabeled.encoders.checkpoint import load_encoder, save_encoder
from unlabeled.encoders.embed import embed
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.heads import Prototypes, projection_head
from unlabeled.encoders.image.conv import Conv
from unlabeled.encoders.image.flat_conv import FlatConv
from unlabeled.encoders.image.timm import Timm
from unlabeled.encoders.image.vit import ViT
from unlabeled.encoders.image.windows import Windows
from unlabeled.encoders.make import encoder_names, make_encoder
from unlabeled.encoders.mlp import MLP
from unlabeled.encoders.network import Network
from unlabeled.encoders.pair.paired import Paired
from unlabeled.encoders.synchronised import synchronised
from unlabeled.encoders.teacher import Teacher

__all__ = [
    "MLP",
    "Bottleneck",
    "Conv",
    "Encoder",
    "Features",
    "FlatConv",
    "Network",
    "Paired",
    "Prototypes",
    "Teacher",
    "Timm",
    "ViT",
    "Windows",
    "embed",
    "encoder_names",
    "load_encoder",
    "make_encoder",
    "projection_head",
    "save_encoder",
    "synchronised",
]
