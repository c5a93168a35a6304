"""Picture -> embedding: pretrained convolutional networks, whatever their source, run as ONNX graphs.

`registry` names the encoders, `cache` keeps each exported graph, `runtime` runs them, and each source of weights has a
file of its own (`efficientnet_lite`, `keras`, `timm`, `onnx`). A graph describes itself: its metadata carry an
`EncoderInfo`.
"""

from showtell.encoders.cache import encoder_graph
from showtell.encoders.registry import classifier, encoder_names, find
from showtell.encoders.runtime import Encoder, EncoderInfo, EncoderOutput

__all__ = ["Encoder", "EncoderInfo", "EncoderOutput", "classifier", "encoder_graph", "encoder_names", "find"]
