"""Families of pretrained captioners: one file each, which `showtell.pretrained.registry` finds."""
