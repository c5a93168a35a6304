"""A recipe -> a model bundle: embed, train, export, calibrate.

    RUN/
      recipe.json         the recipe with every default encoder-int8.onnx   the quantized encoder, if the recipe asks
      for one embeddings/         the store (unless another folder is named); embeddings-mirrored/ beside it if
      requested tuned/              if the encoder was trained: encoder.onnx, its embeddings, and its int8 form if
      requested fine-tune/          while the encoder is trained: the inputs of its first trained layer vocabulary.json
      checkpoints/        last.safetensors (to resume), best.safetensors (to export), and weights_0, ... if requested
      metrics.jsonl       one line for each epoch curves.svg NAME.showtell       the model bundle

The same command resumes a run from its last checkpoint (`showtell.training.loop`). Several processes may train together
(`showtell.training.distributed`): all see the folder, but only the main one writes to it.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from showtell.data.examples import Examples, load_examples
from showtell.data.sources.base import remarks_of
from showtell.data.synthetic.base import Drawn
from showtell.data_check import SurveyOptions, look_before_training
from showtell.encoders import encoder_graph
from showtell.errors import InputError
from showtell.files import held
from showtell.post_training.calibration import calibrate_from_store
from showtell.progress import log_line
from showtell.text import is_english
from showtell.training.baseline import Baseline, baseline_of
from showtell.training.device import device_of
from showtell.training.distributed import SINGLE_WORKER, WorkerGroup
from showtell.training.encoder.embeddings import EncoderState, embed_dataset
from showtell.training.encoder.frozen_features import frozen_features
from showtell.training.export import export_bundle
from showtell.training.from_model import own_encoder, start_model
from showtell.training.loop import OnEpoch, Say, TrainingData, TrainingLoop
from showtell.training.recipe import FROM_MODEL, Recipe, recipe_of
from showtell.training.resume import best_of, check_run_folder, claim_run_folder, is_started, require_checkpoint
from showtell.training.text_only import read_texts
from showtell.training.watch import Unwatched, Watch


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The finished run: its folder, its bundle, a dictionary of figures for each epoch, as in `metrics.jsonl`, and the
    one of the exported epoch. `baseline` is what one caption for all pictures is worth; None in other workers.
    """

    folder: Path
    bundle: Path
    metrics: tuple[dict[str, Any], ...]
    best: dict[str, Any]
    baseline: Baseline | None = None


def train(
    recipe: Recipe | str | Path | Mapping[str, Any],
    folder: str | Path,
    *,
    root: str | Path = ".",
    store: str | Path | None = None,
    begin_from: str | Path | None = None,
    examples: Examples | None = None,
    device: str = "auto",
    group: WorkerGroup = SINGLE_WORKER,
    show: bool = True,
    say: Say = log_line,
    on_epoch: OnEpoch = lambda metrics: None,
    watch: Watch | None = None,
) -> TrainResult:
    """Train the model of `recipe` in `folder`, or resume its training, then export the best epoch and calibrate it.

    Arguments:
        recipe: data, encoder, decoder, training and search: options, a TOML file, or a dictionary of its tables.
        folder: the run's folder; it is created if missing.
        root: the folder for relative paths in the recipe.
        store: an embedding store to fill and use, which runs can share; None for one in the run's folder.
        begin_from: a checkpoint of another run to start from, such as its `weights_3.safetensors`.
        examples: what `load_examples` gives for the recipe's data, if that was called before; None loads them.
        device: where to train, as for `showtell.training.device`. Published and quantized encoders always run on the
            processor.
        group: the workers, this process among them, that call this together with the same arguments.
        show: progress bars on stderr.
        say: called with a line for people at every stage; by default the logger `showtell`.
        on_epoch: called after every epoch with the figures of all epochs so far, as in `metrics.jsonl`.
        watch: notified of every step and epoch; it may stop the run.

    Raises:
        InputError: the folder has a run of another recipe, the data cannot be used, the checkpoint to start from does
            not fit, there is no such device, or several workers cannot train the recipe.
        Stopped: `watch` requested it; the run was saved.
    """
    recipe, folder = recipe_of(recipe), Path(folder)
    place, start = device_of(device), Path(begin_from) if begin_from else None
    if group.size > 1 and recipe.fine_tune.epochs:
        raise InputError("a recipe with fine_tune trains the encoder, which several workers cannot do: leave it out")
    require_checkpoint(start)
    with held(folder) if group.is_main else contextlib.nullcontext():
        if group.is_main:
            check_run_folder(folder, recipe)
        examples = examples or load_examples(recipe.data, Path(root))
        _look(recipe, examples, group.is_main and not is_started(folder), show, say)
        data = _prepare(recipe, folder, examples, Path(root), Path(store or folder / "embeddings"), group, show, say)
        loop = TrainingLoop(recipe, folder, data, place, group)
        watch = watch or Unwatched()
        watch.begin(recipe.name, examples.source, examples.of(loop.validator.names))
        loop.run(start, show, say, on_epoch, watch)
        return _finish(folder / f"{recipe.name}.showtell", recipe, loop, examples, show, say)


def _finish(bundle: Path, recipe: Recipe, loop: TrainingLoop, examples: Examples, show: bool, say: Say) -> TrainResult:
    """Export the best epoch and calibrate it, in the main worker."""
    best = best_of(loop.state.own_metrics(), recipe.training)
    metrics = tuple(loop.state.metrics)
    if not loop.group.is_main:
        return TrainResult(bundle.parent, bundle, metrics, best)
    data = loop.data
    loop.load_best()
    _export(bundle, recipe, loop, best, examples, say)
    embeddings = data.encoder.current.embeddings.store
    calibrate_from_store(bundle, embeddings, data.validation, data.training, show=show)
    say(f"model: {bundle}")
    return TrainResult(bundle.parent, bundle, metrics, best, baseline_of(data.training, loop.validator))


def _look(recipe: Recipe, examples: Examples, closely: bool, show: bool, say: Say) -> None:
    """Report what was matched and left out and, looking closely, what `showtell data check` would find quickly.

    Raises:
        InputError: nothing can come of the training.
    """
    for line in (examples.summary, *remarks_of(examples.source).lines()):
        say(line)
    if not closely:
        return
    words = recipe.vocabulary
    options = SurveyOptions(
        min_count=words.min_count,
        tokenizer=words.tokenizer,
        case=words.case,
        punctuation=words.punctuation,
        max_length=recipe.training.max_length,
    )
    problems = [] if isinstance(examples.source, Drawn) else look_before_training(examples, options, show=show)
    for problem in problems:
        if problem.fatal:
            raise InputError(f"{problem.text} (`showtell data check` says more)")
        say(f"warning: {problem.text}")


def _prepare(
    recipe: Recipe,
    folder: Path,
    examples: Examples,
    root: Path,
    store: Path,
    group: WorkerGroup,
    show: bool,
    say: Say,
) -> TrainingData:
    """Embed the pictures, and keep the captions of the readable ones."""
    start = start_model(recipe.training.from_model, root)
    graph = own_encoder(recipe, start) or b""
    if group.is_main and not graph:
        graph = encoder_graph(recipe.encoder.name, recipe.encoder.weights or None, root, say)
    if group.is_main:
        claim_run_folder(folder, recipe)  # only now, so that a recipe can be corrected after a failed start
    embed = partial(embed_dataset, options=recipe.encoder, examples=examples, group=group, show=show, say=say)
    encoded = embed(graph, store=store, beside=folder)
    training, validation = (encoded.readable(examples.of(split)) for split in (examples.train, examples.validation))
    if not training or not validation:
        raise InputError("no readable picture is left in the training or the validation split")
    features = frozen_features(recipe, graph, folder / "fine-tune", examples.source, training, validation, show=show)
    encoder = EncoderState(encoded, features.encoder if features else None, folder / "tuned", embed, say)
    texts = read_texts(recipe.text, root)
    return TrainingData(training, validation, examples.groups, features, encoder, texts, start)


def _export(
    bundle: Path, recipe: Recipe, loop: TrainingLoop, best: Mapping[str, Any], examples: Examples, say: Say
) -> None:
    """Write the bundle with the weights that the loop has loaded."""
    if loop.data.features and not loop.data.encoder.trained:
        say("no epoch with a trained encoder was the best one, so the model has the published encoder")
    scores = {key: value for key, value in best.items() if key != "seconds"}  # the same run makes the same bundle
    graph = loop.data.encoder.current.graph
    start = loop.data.start if recipe.encoder.name == FROM_MODEL else None
    decoder, counts = loop.decoder.eval().cpu(), examples.counts()
    export_bundle(bundle, recipe, decoder, loop.vocabulary, graph, scores, counts, start, _has_tags(recipe, loop))


def _has_tags(recipe: Recipe, loop: TrainingLoop) -> bool:
    """Whether the model gets tags, which are in English."""
    if recipe.vocabulary.tags != "auto":
        return recipe.vocabulary.tags == "on"
    return is_english(caption for texts in loop.data.training.values() for caption in texts)
