"""float32 networks -> int8: encoders on sample pictures, decoder matrices row by row."""
