"""Pictures, references and a model -> an `Evaluation` of the model's captions.

    from showtell import evaluate
    evaluation = evaluate("model.showtell", "photos.zip", "captions.json", "val")
    evaluation.figures["CIDEr-D"]

It needs no PyTorch. `showtell.metrics` scores captions that were made elsewhere.
"""

from showtell.evaluation.copies import TrainingCaption
from showtell.evaluation.figures import KINDS
from showtell.evaluation.result import EvaluatedPicture, Evaluation, Figure, read_evaluation, write_evaluation
from showtell.evaluation.run import evaluate

__all__ = [
    "KINDS",
    "EvaluatedPicture",
    "Evaluation",
    "Figure",
    "TrainingCaption",
    "evaluate",
    "read_evaluation",
    "write_evaluation",
]
