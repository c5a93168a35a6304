"""The encoder as a PyTorch module, its embeddings, and its frozen features."""
