"""Captioners of Hugging Face Transformers to bundles: one file for each family, without PyTorch and Transformers."""
