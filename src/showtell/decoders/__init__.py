"""Embeddings and the words so far -> the next word: PyTorch modules, their registry, ONNX export and runtime."""
