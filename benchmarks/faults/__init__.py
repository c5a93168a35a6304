"""The parts of fault_matrix.py: the commands that are struck, what strikes them, and what must hold afterwards."""
