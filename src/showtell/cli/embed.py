"""`showtell embed`: pictures -> an embedding store."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
