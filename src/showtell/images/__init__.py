"""Picture bytes -> upright RGB -> normalised square."""
