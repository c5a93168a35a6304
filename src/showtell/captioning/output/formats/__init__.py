"""The formats that captions are written in, one file each: `showtell.captioning.output.registry` finds them here."""
