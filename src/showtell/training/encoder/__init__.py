"""The encoder as a PyTorch module, its embeddings, and its frozen features.

`module` is the encoder, `nodes` the nodes of its ONNX graph, and `operators` ONNX's operators in PyTorch.
"""
