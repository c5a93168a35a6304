"""An encoder's graph -> what a decoder sees through it: the graph as it is to be used, and everybody's embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from showtell.data.examples import Examples
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.files import write_bytes
from showtell.quantization.encoder import int8_graph
from showtell.training.distributed import SINGLE_WORKER, WorkerGroup
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings
from showtell.training.encoder.module import EncoderModule
from showtell.training.recipe import EncoderOptions

Captions: TypeAlias = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class EncodedData:
    """The encoder's graph, quantised where the recipe asks for that, and the embeddings that it gave."""

    graph: bytes
    embeddings: AugmentedEmbeddings

    def readable(self, captions: Captions) -> Captions:
        """Those of the captions, by picture, whose pictures could be read."""
        return {name: texts for name, texts in captions.items() if name in self.embeddings.rows}


def embed_dataset(
    graph: bytes,
    options: EncoderOptions,
    examples: Examples,
    store: Path,
    beside: Path,
    *,
    group: WorkerGroup = SINGLE_WORKER,
    show: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> EncodedData:
    """Embed what is not embedded yet: all pictures, and where asked the training pictures' mirror images.

    Arguments:
        graph: the encoder in float32; only the main worker needs it, and has it in what is returned.
        options: the precision that it is brought to, its output, and how pictures are made square.
        examples: the pictures.
        store: the embedding store; that of mirror images lies beside it, as `NAME-mirrored`.
        beside: the folder for the graph of another precision.
        group: the workers; the main one embeds, and the others open what it has written.
        show: progress bars on stderr.
        say: is called with a line for people where pictures could not be read.
    """
    if group.is_main:
        if options.precision == "int8":
            graph = int8_graph(graph, beside, examples.source, examples.train, options.resize, show=show)
        _embed(Encoder(graph, resize=options.resize), options, examples, store, show, say)
    group.broadcast_object("embedded")
    return EncodedData(graph, AugmentedEmbeddings(*(EmbeddingStore(folder) for folder in _folders(store, options))))


def _embed(
    encoder: Encoder,
    options: EncoderOptions,
    examples: Examples,
    store: Path,
    show: bool,
    say: Callable[[str], None],
) -> None:
    plain, *mirrored = _folders(store, options)
    wanted = {*examples.train, *examples.validation}
    done = embed(examples.source, encoder, plain, EmbedOptions(options.output), only=wanted, show=show)
    if done.rejects:
        say(f"{len(done.rejects)} pictures could not be read: see {plain / 'rejects.jsonl'}")
    for folder in mirrored:
        turned = EmbedOptions(options.output, mirrored=True)
        embed(examples.source, encoder, folder, turned, only={*examples.train}, show=show)


def _folders(store: Path, options: EncoderOptions) -> list[Path]:
    """Where the embeddings lie, and where asked those of mirror images."""
    return [store, store.with_name(f"{store.name}-mirrored")] if options.mirrored else [store]


class EncoderState:
    """The encoder of a run: as it came, or as training left it, and the embeddings that it gives the decoder.

    `current` is what the decoder is given at present. `trained` has the encoder's trained weights, none where it is as
    it came.
    """

    def __init__(
        self,
        first: EncodedData,
        encoder: EncoderModule | None,
        folder: Path,
        embed: Callable[..., EncodedData],
        say: Callable[[str], None],
    ) -> None:
        """Begin with the encoder as it came.

        Arguments:
            first: the embeddings that it gave.
            encoder: the module that is trained, if any.
            folder: for `encoder.onnx`, the embeddings that it gives, and its form of another precision.
            embed: `embed_dataset`, with all arguments but the graph and the folders.
            say: is called with a line for people when the trained encoder first embeds.
        """
        self.first = self.current = first
        self.encoder, self.folder, self._embed, self._say = encoder, folder, embed, say
        self.trained: dict[str, torch.Tensor] = {}

    def load(self, trained: dict[str, torch.Tensor]) -> None:
        """Take these weights for the encoder; the embeddings stay the same until the next `embed`."""
        self.trained = trained
        if self.encoder and trained:
            self.encoder.load_state_dict(trained)

    def embed(self) -> None:
        """Embed all pictures with the weights that were loaded, and write the encoder; as it came where none were."""
        self.current = self.first
        if self.encoder and self.trained:
            graph, path = self.encoder.graph(), self.folder / "encoder.onnx"
            if not path.exists() or path.read_bytes() != graph:
                write_bytes(path, graph)
                self._say(f"the trained encoder is {path}; all pictures are embedded anew with it")
            self.current = self._embed(graph, store=self.folder / "embeddings", beside=self.folder)
