"""All that a caption depends on but the picture, as one number: what was captioned otherwise is told by it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from showtell.bundle import SUMS
from showtell.captioner import Captioner
from showtell.files import sha256_of


def fingerprint(captioner: Captioner, search: Mapping[str, Any], **further: Any) -> str:
    """SHA-256 of the models, the preprocessing, search options that differ from theirs, and what is `further`."""
    value = {
        "models": [sha256_of(bundle.parts[SUMS]) for bundle in captioner.bundles],
        "preprocessing": captioner.encoder.info.preprocessing.to_json(),
        "search": asdict(captioner.search_options(**search)),
        **further,
    }
    return sha256_of(json.dumps(value, sort_keys=True).encode())
