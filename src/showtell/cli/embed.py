"""`showtell embed`: pictures -> an embedding store."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import reading, settings
from showtell.cli.help import ENCODERS
from showtell.cli.settings import Precision, Resize
from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from showtell.images.preprocessing import ResizeMode


def embed(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, folders, zip, tar or Parquet files, lists (.txt), quoted patterns, or addresses."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the store; an existing one is resumed.", metavar="FOLDER")],
    encoder: Annotated[
        str,
        typer.Option(help=f"Encoder: {ENCODERS}.", metavar="NAME"),
    ] = "efficientnet_lite2",
    encoder_weights: Annotated[
        Path | None, typer.Option(help="File with the encoder's weights.", show_default="downloaded by keras or timm")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Use the encoder of this model bundle, a file or a name such as flickr8k, instead of --encoder.",
            metavar="MODEL",
        ),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="Number format of the network; int8 first quantizes it on some of the pictures.")
    ] = Precision.float32,
    grid: Annotated[
        bool, typer.Option("--grid", help="Store one embedding for each grid cell, instead of one for each picture.")
    ] = False,
    resize: Annotated[
        Resize | None,
        typer.Option(
            help="Make pictures square by cropping, squashing or padding.", show_default="as the encoder was trained"
        ),
    ] = None,
    shard_size: Annotated[
        int, typer.Option(min=1, help="Pictures in a shard. A stopped run resumes after the last finished shard.")
    ] = 1024,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures embedded together.")] = 16,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that read pictures and run the network.", show_default="one per core"),
    ] = None,
    ray: settings.Ray = None,
    ray_cores: settings.RayCores = 1,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Embed pictures into a store of float16 Arrow shards.

    Run the same command again to resume a stopped run. Pictures that cannot be read are listed in the store's
    rejects.jsonl. A quantized encoder is kept in the store as encoder-int8.onnx.

    Examples:

        showtell embed photos/ --out store --encoder efficientnet_lite0
        showtell embed photos/ --out store --encoder keras:ResNet50 --grid
    """
    if ray:
        from showtell.ray import embed_on  # report missing packages before an export
    from showtell.embeddings.embed import EmbedOptions
    from showtell.embeddings.embed import embed as fill
    from showtell.encoders import Encoder, encoder_graph
    from showtell.quantization.encoder import int8_graph

    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file, but a store is a folder: choose another --out")
    way: ResizeMode | None = resize.value if resize else None
    if model and encoder_weights:
        raise InputError("--model has its own encoder: leave out --encoder-weights")
    if model and precision != Precision.float32:
        raise InputError("--model has its own encoder: quantize the model with showtell quantize")
    source = reading.open_pictures(sources, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    if model:
        from showtell.models.bundle import read_bundle
        from showtell.models.names import find_model

        bundle = read_bundle(find_model(model))
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
        print(f"  {shown(name)}: {shown(reason)}")
    if len(result.rejects) > 5:
        print(f"  ... see {out / 'rejects.jsonl'}")
