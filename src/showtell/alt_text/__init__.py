"""Alt texts for the pictures of whole folder trees, beside each picture or in one table (`showtell alt-text`).

    from showtell import Captioner
    from showtell.alt_text import AltTextOptions, write_alt_texts
    summary = write_alt_texts("photos", Captioner(), AltTextOptions(format="xmp"))

Runs are incremental: each handles only new and changed pictures. Pictures are modified only where the options ask for
it, and texts written by people are never overwritten unless the options allow it. Captions that the model is not sure
of, or that a likely tag contradicts, are held back.
"""

from showtell.alt_text.options import AltTextOptions, Outcome, Summary
from showtell.alt_text.plan import Step
from showtell.alt_text.run import plan_alt_texts, write_alt_texts
from showtell.alt_text.sidecars import Rights
from showtell.alt_text.style import TextStyle

__all__ = ["AltTextOptions", "Outcome", "Rights", "Step", "Summary", "TextStyle", "plan_alt_texts", "write_alt_texts"]
