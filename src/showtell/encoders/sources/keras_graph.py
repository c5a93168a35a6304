"""A Keras network of convolutions -> an ONNX graph.

Input: a functional Keras model with tensors `(B, h, w, C)`, on any backend. Output: the same network over `(B, C, h,
w)`, layer by layer, in a second, without the many casts and transpositions of a traced network. Batch normalization
stays a separate node, which ONNX Runtime folds into the convolution before it.
"""

from typing import Any

from showtell.encoders.graph_editing import add_outputs, new_model
from showtell.encoders.sources.keras_layers import LAYERS, KerasGraph, KerasStep
from showtell.errors import ShowtellError


def written(model: Any) -> tuple[Any, int, int]:
    """The ONNX model, with `pooled` and `grid`, of a network that ends in a global average; and D and L.

    Arguments:
        model: a functional Keras model of one input, `(B, S, S, 3)`, and one output, `(B, D)`.

    `grid` is the input of the global average, `pooled` the model's own output.

    Raises:
        ShowtellError: the model has an unsupported layer; nothing is guessed.
    """
    network = _Walked(model)
    onnx_model = new_model("network", network.nodes, network.initializers, model.input.shape[1])
    cells, shape = network.cells
    shapes = {network.output: tuple(model.output.shape), cells: shape}
    return onnx_model, *add_outputs(onnx_model, {"pooled": network.output, "grid": cells}, shapes, "NCHW")


class _Walked(KerasGraph):
    def __init__(self, model: Any) -> None:
        import keras

        super().__init__()
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no two tensors have the same id
        picture = keras.Input(batch_shape=model.input.shape)
        self._name(picture, "picture")
        # Not for the clone, but for a call for every layer in order, with its own tensors.
        walked = keras.models.clone_model(
            model, input_tensors=picture, clone_function=lambda layer: layer, call_function=self._call
        )
        self.output = self._names[id(walked.outputs[0])]

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        given = [*args, *(value for name, value in kwargs.items() if name not in ("training", "mask"))]
        if isinstance(given[0], list | tuple):
            given = [*given[0], *given[1:]]
        if type(layer).__name__ == "Sequential":
            for inner in layer.layers:
                given = [self._call(inner, *given)]
            return given[0]
        result = layer(*args, **kwargs)
        write = LAYERS.get(type(layer).__name__)
        if write is None:
            raise ShowtellError(f"the layer {layer.name} is a {type(layer).__name__}, which has no ONNX form here")
        self._name(result, write(KerasStep(self, layer, [self._value(value) for value in given], given[0], result)))
        return result

    def _name(self, tensor: Any, name: str) -> None:
        self._kept.append(tensor)
        self._names[id(tensor)] = name

    def _value(self, value: Any) -> str:
        """The name of a tensor in the graph, or of a new constant for a number."""
        if id(value) in self._names:
            return self._names[id(value)]
        if isinstance(value, int | float):
            return self.constant(value)
        raise ShowtellError(f"a layer is given {value!r}, which has no ONNX form here")
