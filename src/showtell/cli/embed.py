"""`showtell embed`: pictures -> an embedding store."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import settings
from showtell.cli.settings import Precision, Resize
from showtell.errors import InputError

if TYPE_CHECKING:
    from showtell.images.preprocessing import ResizeMode


def embed(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, folders, zip, tar or Parquet files, lists (.txt), patterns in quotes, or addresses."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The store: a folder, gone on with where it exists.")],
    encoder: Annotated[str, typer.Option(help="keras:NAME, timm:NAME, onnx:FILE, ...")] = "efficientnet_lite2",
    encoder_weights: Annotated[Path | None, typer.Option(help="A file with the encoder's weights.")] = None,
    model: Annotated[Path | None, typer.Option(help="Use the encoder of this model bundle instead.")] = None,
    precision: Annotated[
        Precision, typer.Option(help="What the network computes in; int8 is calibrated on some of the pictures.")
    ] = Precision.float32,
    grid: Annotated[
        bool, typer.Option("--grid", help="Keep one embedding per grid cell, not one per picture.")
    ] = False,
    resize: Annotated[Resize | None, typer.Option(help="How pictures are made square. [default: encoder's]")] = None,
    shard_size: Annotated[int, typer.Option(min=1, help="Pictures in a shard, the unit of going on.")] = 1024,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through the network at once.")] = 16,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that read and run the network. [default: one per core]")
    ] = None,
    ray: settings.Ray = None,
    ray_cores: settings.RayCores = 1,
) -> None:
    """Embed pictures into a store of float16 Arrow shards.

    A run that was stopped, in whatever way, goes on when the same command is given again. Pictures that cannot be read
    are listed in the store's rejects.jsonl. An encoder in int8 is kept in the store as encoder-int8.onnx.
    """
    if ray:
        from showtell.ray import embed_on  # what is not installed is told before anything is exported
    from showtell.data.sources.picture_source import PictureSource
    from showtell.embeddings.embed import EmbedOptions
    from showtell.embeddings.embed import embed as fill
    from showtell.encoders import Encoder, encoder_graph
    from showtell.quantization.encoder import int8_graph

    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file, but a store is a folder: choose another --out")
    way: ResizeMode | None = resize.value if resize else None
    if model and encoder_weights:
        raise InputError("--model brings its own encoder: leave out --encoder-weights")
    if model and precision != Precision.float32:
        raise InputError("--model brings its own encoder: quantise the model with showtell quantize")
    source = PictureSource(sources)
    if model:
        from showtell.models.bundle import read_bundle

        bundle = read_bundle(model)
        graph, way = bundle.parts["encoder.onnx"], way or bundle.model["resize"]
    else:
        graph = encoder_graph(encoder, encoder_weights, say=lambda line: print(line, file=sys.stderr))
        if precision == Precision.int8:
            graph = int8_graph(graph, out, source, source.names(), way)
    options = EmbedOptions("grid" if grid else "pooled", shard_size, batch_size, threads)
    if ray:
        result = embed_on(ray, source, graph, out, options, resize=way, cores=ray_cores)
    else:
        result = fill(source, Encoder(graph, resize=way, threads=threads), out, options)
    line = f"{out}: {len(result.store)} embeddings of {' x '.join(map(str, result.store.spec.shape))}"
    print(f"{line}, {result.added} new, {result.already} already there, {len(result.rejects)} rejects")
    for name, reason in result.rejects[:5]:
        print(f"  {name}: {reason}")
    if len(result.rejects) > 5:
        print(f"  ... see {out / 'rejects.jsonl'}")
