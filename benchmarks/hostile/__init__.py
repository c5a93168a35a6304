"""The parts of hostile_input.py: seeds and mutations of each kind of file, what reads them, and in which processes."""
