"""An encoder's graph -> the graph in its final precision and the embeddings of all pictures."""

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
from showtell.progress import plural
from showtell.quantization.encoder import int8_graph
from showtell.training.distributed import SINGLE_WORKER, WorkerGroup
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings
from showtell.training.encoder.module import EncoderModule
from showtell.training.recipe import EncoderOptions

Captions: TypeAlias = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class EncodedData:
    """The encoder's graph, quantized if the recipe says so, and its embeddings."""

    graph: bytes
    embeddings: AugmentedEmbeddings

    def readable(self, captions: Captions) -> Captions:
        """The captions, by picture, of the pictures that could be read."""
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
    """Embed all pictures that are not embedded yet and, if requested, mirror images of the training pictures.

    Arguments:
        graph: the encoder in float32; only the main worker needs it, and only its result contains it.
        options: the encoder's precision, its output, and how pictures are made square.
        examples: the pictures.
        store: the embedding store; the one of mirror images is beside it, as `NAME-mirrored`.
        beside: the folder for a graph with another precision.
        group: the workers; the main one embeds, and the others open its files.
        show: progress bars on stderr.
        say: called with a line for people if pictures could not be read.
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
        say(f"{plural(len(done.rejects), 'picture')} could not be read: see {plain / 'rejects.jsonl'}")
    for folder in mirrored:
        turned = EmbedOptions(options.output, mirrored=True)
        embed(examples.source, encoder, folder, turned, only={*examples.train}, show=show)


def _folders(store: Path, options: EncoderOptions) -> list[Path]:
    """The folder of the embeddings and, if requested, that of mirror images."""
    return [store, store.with_name(f"{store.name}-mirrored")] if options.mirrored else [store]


class EncoderState:
    """The encoder of a run, as published or as trained, and its embeddings for the decoder.

    `current` has the decoder's present inputs. `trained` has the encoder's trained weights; it is empty for the
    published encoder.
    """

    def __init__(
        self,
        first: EncodedData,
        encoder: EncoderModule | None,
        folder: Path,
        embed: Callable[..., EncodedData],
        say: Callable[[str], None],
    ) -> None:
        """Start with the published encoder.

        Arguments:
            first: its embeddings.
            encoder: the module to train, if any.
            folder: the folder for `encoder.onnx`, its embeddings, and its form in another precision.
            embed: `embed_dataset` with all arguments except the graph and the folders.
            say: called with a line for people when the trained encoder first embeds.
        """
        self.first = self.current = first
        self.encoder, self.folder, self._embed, self._say = encoder, folder, embed, say
        self.trained: dict[str, torch.Tensor] = {}

    def load(self, trained: dict[str, torch.Tensor]) -> None:
        """Load these weights into the encoder; the embeddings stay the same until the next `embed`."""
        self.trained = trained
        if self.encoder and trained:
            self.encoder.load_state_dict(trained)

    def embed(self) -> None:
        """Embed all pictures with the loaded weights and write the encoder; without loaded weights, use the published
        one.
        """
        self.current = self.first
        if self.encoder and self.trained:
            graph, path = self.encoder.graph(), self.folder / "encoder.onnx"
            if not path.exists() or path.read_bytes() != graph:
                write_bytes(path, graph)
                self._say(f"the trained encoder is {path}; it now embeds all pictures again")
            self.current = self._embed(graph, store=self.folder / "embeddings", beside=self.folder)
