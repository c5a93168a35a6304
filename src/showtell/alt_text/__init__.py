"""Texts for the pictures of whole folder trees: beside each picture, or in one table; for `showtell alt-text`.

    from showtell import Captioner
    from showtell.alt_text import AltTextOptions, write_alt_texts
    summary = write_alt_texts("photos", Captioner(), AltTextOptions(format="xmp"))

Every run does only what is new or has changed. Pictures are never touched, and what a person wrote is left alone.
"""

from showtell.alt_text.options import AltTextOptions, Outcome, Summary
from showtell.alt_text.plan import Step
from showtell.alt_text.run import plan_alt_texts, write_alt_texts
from showtell.alt_text.sidecars import Rights

__all__ = ["AltTextOptions", "Outcome", "Rights", "Step", "Summary", "plan_alt_texts", "write_alt_texts"]
