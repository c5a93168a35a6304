"""A finished bundle -> a better bundle without training: calibration, search settings, int8."""
