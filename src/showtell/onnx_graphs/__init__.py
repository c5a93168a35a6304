"""ONNX graphs: export from PyTorch, checks before they run, and sessions that run them."""
