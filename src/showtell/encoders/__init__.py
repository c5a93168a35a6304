"""Pictures -> embeddings: pretrained networks from any source, run as ONNX graphs.

`registry` finds encoders by name, `sources` has one file for each source of weights, `cache` keeps exported graphs, and
`runtime` runs them. A graph describes itself: its metadata contain an `EncoderInfo`.
"""

from showtell.encoders.cache import encoder_graph
from showtell.encoders.registry import classifier, encoder_names, find
from showtell.encoders.runtime import Encoder, EncoderInfo, EncoderOutput

__all__ = ["Encoder", "EncoderInfo", "EncoderOutput", "classifier", "encoder_graph", "encoder_names", "find"]
