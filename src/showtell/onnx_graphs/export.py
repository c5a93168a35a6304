"""A PyTorch module -> an ONNX model, quietly and without traces of how it came about."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_OPSET = 18


def to_onnx(
    module: "torch.nn.Module",
    inputs: "Sequence[torch.Tensor]",
    names: Sequence[str],
    outputs: Sequence[str],
    dynamic_shapes: Any,
) -> Any:
    """Export a module.

    Arguments:
        module: it is set to evaluation mode.
        inputs: example inputs.
        names: of the inputs.
        outputs: names of the outputs.
        dynamic_shapes: which axes of which input may have any size, as `torch.export.export` takes it.
    """
    import torch

    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs),
            input_names=list(names),
            output_names=list(outputs),
            opset_version=_OPSET,
            dynamic_shapes=dynamic_shapes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter logs and warns of things that are no concern of a user's."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
