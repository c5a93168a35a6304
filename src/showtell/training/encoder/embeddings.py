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
from showtell.training.distributed import ALONE, Team
from showtell.training.encoder.horizontal_flip import Views
from showtell.training.encoder.module import EncoderModule
from showtell.training.recipe import EncoderOptions

Captions: TypeAlias = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Sight:
    """The encoder's graph, quantised where the recipe asks for that, and the embeddings that it gave."""

    graph: bytes
    views: Views

    def readable(self, captions: Captions) -> Captions:
        """Those of the captions, by picture, whose pictures could be read."""
        return {name: texts for name, texts in captions.items() if name in self.views.rows}


def see(
    graph: bytes,
    options: EncoderOptions,
    examples: Examples,
    store: Path,
    beside: Path,
    *,
    team: Team = ALONE,
    show: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Sight:
    """Embed what is not embedded yet: all pictures, and where asked the training pictures' mirror images.

    Arguments:
        graph: the encoder in float32; only the leader of a team needs it, and has it in what is returned.
        options: the precision that it is brought to, its output, and how pictures are made square.
        examples: the pictures.
        store: the embedding store; that of mirror images lies beside it, as `NAME-mirrored`.
        beside: the folder for the graph of another precision.
        team: those who look; the leader embeds, and the others open what it has made.
        show: progress bars on stderr.
        say: is called with a line for people where pictures could not be read.
    """
    if team.leads:
        if options.precision == "int8":
            graph = int8_graph(graph, beside, examples.source, examples.train, options.resize, show=show)
        _embed(Encoder(graph, resize=options.resize), options, examples, store, show, say)
    team.tell("embedded")
    return Sight(graph, Views(*(EmbeddingStore(folder) for folder in _folders(store, options))))


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


class Sights:
    """What the decoder of a run sees: through the encoder as it came, or through what training made of it.

    `now` is what it sees at present. `trained` has the weights that were trained, and none where the encoder is as it
    came.
    """

    def __init__(
        self,
        first: Sight,
        encoder: EncoderModule | None,
        folder: Path,
        look: Callable[..., Sight],
        say: Callable[[str], None],
    ) -> None:
        """Begin with the encoder as it came.

        Arguments:
            first: what is seen through it.
            encoder: the module that is trained, if any.
            folder: for `encoder.onnx`, the embeddings that it gives, and its form of another precision.
            look: `see`, all arguments but the graph and the folders given.
            say: is called with a line for people when the trained encoder is first looked through.
        """
        self.first = self.now = first
        self.encoder, self.folder, self._see, self._say = encoder, folder, look, say
        self.trained: dict[str, torch.Tensor] = {}

    def load(self, trained: dict[str, torch.Tensor]) -> None:
        """Take these weights for the encoder; what is seen stays the same until the next look."""
        self.trained = trained
        if self.encoder and trained:
            self.encoder.load_state_dict(trained)

    def look(self) -> None:
        """See through the encoder with the weights that were loaded, which is written down, or as it came."""
        self.now = self.first
        if self.encoder and self.trained:
            graph, path = self.encoder.graph(), self.folder / "encoder.onnx"
            if not path.exists() or path.read_bytes() != graph:
                write_bytes(path, graph)
                self._say(f"the trained encoder is {path}; all pictures are embedded anew with it")
            self.now = self._see(graph, store=self.folder / "embeddings", beside=self.folder)
