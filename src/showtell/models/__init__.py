"""The model bundle as a file, its names, its card, ensembles, and the models that ship."""
