"""Picture bytes -> upright RGB -> normalized square."""
