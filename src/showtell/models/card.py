"""`model.json` of a bundle -> its model card, in Markdown."""

import re
from collections.abc import Mapping
from typing import Any


def with_section(card: str, heading: str, text: str) -> str:
    """A Markdown model card with this section at its end, replacing any other section of the same heading."""
    old = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    kept = old.sub("", card).rstrip("\n")
    return f"{kept}\n\n## {heading}\n\n{text.strip()}\n"


def model_card(model: Mapping[str, Any]) -> str:
    """The model card as Markdown, from `model.json` alone."""
    card, scores, data, encoder = model["card"], model["scores"], model["data"], model["encoder"]
    chose = "" if model["recipe"]["training"]["best_by"] == "last" else ", also used to choose the epoch"
    precision = f" in {encoder['precision']}" if "precision" in encoder else ""
    lines = [
        f"# {card['title'] or model['name']}",
        "",
        f"- Licence of these weights: {card['licence'] or 'not stated by who trained it'}",
        f"- Trained on: {card['data'] or 'data of the user'} ({data['train']} pictures, {data['captions']} captions)",
        f"- Encoder: {encoder['name']}{precision}, {encoder['source']}, {encoder['licence']}; "
        f"pictures are made square by `{model['resize']}`",
        f"- Decoder: {model['decoder']['kind']}; the whole recipe stands in `model.json`",
        "- Scores of the exported weights on the validation split "
        f"({data['validation']} pictures{chose}): BLEU-4 {100 * scores['bleu_4']:.1f}, "
        f"CIDEr-D {100 * scores['cider_d']:.1f}, loss {scores['val_loss']:.3f} nats per word "
        f"(epoch {scores['epoch']}, beam {model['search']['beam']})",
        f"- Made by showtell {model['showtell']}",
    ]
    for heading, text in (("Limits", card["limits"]), ("Made by", card["commands"])):
        if text:
            lines += ["", f"## {heading}", "", text.strip("\n")]
    return "\n".join(lines) + "\n"
