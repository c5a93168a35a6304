"""The training loop, in plain encoded: embed, build, step, validate, keep, export.

    RUN/
      recipe.json         the recipe with every default spelt out
      encoder-int8.onnx   the quantised encoder, where the recipe asks for one
      embeddings/         the store (unless another folder is named); embeddings-mirrored/ beside it where asked
      tuned/              where the encoder was trained: encoder.onnx, its embeddings, and its int8 form where asked
      fine-tune/          while the encoder is trained: what its first trained layer is given
      vocabulary.json
      checkpoints/        last.safetensors (to go on), best.safetensors (to export), and where asked weights_0, ...
      metrics.jsonl       one line an epoch
      curves.png
      NAME.showtell       the model bundle

A run goes on from its last checkpoint when the same command is given again, and ends with bit for bit the weights that
an unbroken run has: the batches and the random numbers of a step are functions of (seed, step) alone. Several processes
may make the steps together (`showtell.training.distributed`); all see the folder, and their leader alone writes into
it.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from showtell.data.examples import Group, load_examples
from showtell.data.sources.base import remarks_of
from showtell.decoders.registry import build
from showtell.encoders import encoder_graph
from showtell.errors import InputError
from showtell.files import held, write_json
from showtell.post_training.calibration import calibrate_from_store
from showtell.progress import bar
from showtell.text import Vocabulary
from showtell.training.checkpoint import load_checkpoint, save_checkpoint
from showtell.training.curves import write_figures
from showtell.training.device import device_of
from showtell.training.distributed import SINGLE_WORKER, WorkerGroup
from showtell.training.dropout import DropoutMasks
from showtell.training.encoder.embeddings import Captions, EncoderState, embed_dataset
from showtell.training.encoder.frozen_features import FrozenFeatures, frozen_features
from showtell.training.export import export_bundle
from showtell.training.optimization import Optimization, best_weights
from showtell.training.recipe import Recipe, recipe_of
from showtell.training.resume import (
    CurrentEpoch,
    TrainingState,
    best_of,
    check_run_folder,
    claim_run_folder,
    current_epoch,
    fork_from,
    read_checkpoint,
    require_checkpoint,
    stage_behind,
    state_of,
)
from showtell.training.sampling import Sampling
from showtell.training.stages.base import Stage
from showtell.training.stages.build import stages_of
from showtell.training.validate import GroupValidator, Validation
from showtell.training.watch import Progress, Stopped, Unwatched, Watch

Say: TypeAlias = Callable[[str], None]
OnEpoch: TypeAlias = Callable[[Sequence[dict[str, Any]]], None]
"""Is called after every epoch with the figures of all so far, for live curves."""

_ROWS_AT_ONCE = 256  # of all training embeddings, which as grids would not fit into memory


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The finished run: its folder, its bundle, one dictionary of figures per epoch, as in `metrics.jsonl`, and that of
    the epoch whose weights are in the bundle.
    """

    folder: Path
    bundle: Path
    metrics: tuple[dict[str, Any], ...]
    best: dict[str, Any]


def train(
    recipe: Recipe | str | Path | Mapping[str, Any],
    folder: str | Path,
    *,
    root: str | Path = ".",
    store: str | Path | None = None,
    begin_from: str | Path | None = None,
    device: str = "auto",
    group: WorkerGroup = SINGLE_WORKER,
    show: bool = True,
    say: Say = lambda line: None,
    on_epoch: OnEpoch = lambda metrics: None,
    watch: Watch | None = None,
) -> TrainResult:
    """Train the model of `recipe` in `folder`, or go on with it, and export the best epoch's weights, calibrated.

    Arguments:
        recipe: data, encoder, decoder, training and search: options, a TOML file, or a dictionary of its tables.
        folder: the run; made when missing.
        root: what relative paths in the recipe are relative to.
        store: an embedding store to fill and use, so that runs can share it; None for one in the run's folder.
        begin_from: a checkpoint of another run to begin from, such as its `weights_3.safetensors`.
        device: where to compute, as `showtell.training.device` names it. Encoders as they came, and quantised ones, run
            on the processor whatever it is.
        group: the workers that call this together with the same arguments, this process among them.
        show: progress bars on stderr.
        say: is called with a line for people at every stage.
        on_epoch: is called after every epoch with the figures of all so far, as they stand in `metrics.jsonl`.
        watch: is told of every step and epoch, and may stop the run.

    Raises:
        InputError: the folder holds a run of another recipe, the data cannot be used, the checkpoint to begin from does
            not fit, there is no such device, or several workers cannot train the recipe.
        Stopped: `watch` asked for it, and the run was saved.
    """
    recipe, folder, place = recipe_of(recipe), Path(folder), device_of(device)
    if group.size > 1 and recipe.fine_tune.epochs:
        raise InputError("a recipe with fine_tune trains the encoder, which several workers cannot do: leave it out")
    if begin_from:
        require_checkpoint(Path(begin_from))
    with held(folder) if group.is_main else contextlib.nullcontext():
        return _train(recipe, folder, place, Path(root), store, begin_from, group, show, say, on_epoch, watch)


def _train(
    recipe: Recipe,
    folder: Path,
    place: torch.device,
    root: Path,
    store: str | Path | None,
    begin_from: str | Path | None,
    group: WorkerGroup,
    show: bool,
    say: Say,
    on_epoch: OnEpoch,
    watch: Watch | None,
) -> TrainResult:
    """`train` in a folder that no other run is at work in."""
    if group.is_main:
        check_run_folder(folder, recipe)
    examples = load_examples(recipe.data, root)
    say(examples.summary)
    for line in remarks_of(examples.source).lines():
        say(line)
    graph = encoder_graph(recipe.encoder.name, recipe.encoder.weights or None, root, say) if group.is_main else b""
    if group.is_main:
        claim_run_folder(folder, recipe)  # only now, so that a failed start never stands in the way of its correction
    encode = partial(embed_dataset, options=recipe.encoder, examples=examples, group=group, show=show, say=say)
    encoded = encode(graph, store=Path(store or folder / "embeddings"), beside=folder)
    training, validation = (
        encoded.readable(examples.of(examples.train)),
        encoded.readable(examples.of(examples.validation)),
    )
    if not training or not validation:
        raise InputError("no readable picture is left in the training or the validation split")
    inputs = frozen_features(recipe, graph, folder / "fine-tune", examples.source, training, validation, show=show)
    encoder_state = EncoderState(encoded, inputs.encoder if inputs else None, folder / "tuned", encode, say)
    run = _Run(recipe, folder, training, validation, examples.groups, inputs, encoder_state, place, group)
    watch = watch or Unwatched()
    watch.begin(recipe.name, examples.source, examples.of(run.validator.names))
    run.go_on(Path(begin_from) if begin_from else None, show, say, on_epoch, watch)
    bundle = folder / f"{recipe.name}.showtell"
    best = best_of(run.at.own_metrics(), recipe.training)
    scores = {key: value for key, value in best.items() if key != "seconds"}  # the same run makes the same bundle
    if not group.is_main:
        return TrainResult(folder, bundle, tuple(run.at.metrics), best)
    run.take_best()
    if inputs and not run.encoder_state.trained:
        say("no epoch with the encoder trained was the best one, so the model has it as it was")
    now = run.encoder_state.current
    export_bundle(bundle, recipe, run.decoder.eval().cpu(), run.vocabulary, now.graph, scores, examples.counts())
    calibrate_from_store(bundle, now.embeddings.store, validation, training, show=show)
    say(f"model: {bundle}")
    return TrainResult(folder, bundle, tuple(run.at.metrics), best)


class _Run:
    """A model that is being trained, with everything that a checkpoint keeps."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        training: Captions,
        validation: Captions,
        groups: Sequence[Group],
        inputs: FrozenFeatures | None,
        encoder_state: EncoderState,
        device: torch.device,
        group: WorkerGroup,
    ) -> None:
        self.recipe, self.options, self.folder, self.encoder_state, self.group = (
            recipe,
            recipe.training,
            folder,
            encoder_state,
            group,
        )
        self.encoder = inputs.encoder.to(device) if inputs else None
        store = encoder_state.current.embeddings.store
        self.vocabulary = Vocabulary.build(
            (caption for captions in training.values() for caption in captions), recipe.vocabulary.min_count
        )
        if group.is_main:
            write_json(folder / "vocabulary.json", list(self.vocabulary.entries))
        sampling = Sampling(groups, training)
        self.stages = stages_of(recipe, training, store.rows, self.vocabulary, inputs, sampling)
        self.validator = GroupValidator(validation, groups, self.options, self.vocabulary, recipe.search)
        torch.manual_seed(self.options.seed)
        self.decoder = build(recipe.decoder_kind, recipe.decoder, store.spec.shape, len(self.vocabulary)).to(device)
        if group.is_main:
            rows = np.sort([store.rows[name] for name in training])
            chunks = (rows[i : i + _ROWS_AT_ONCE] for i in range(0, len(rows), _ROWS_AT_ONCE))
            self.decoder.standardise_by(torch.from_numpy(store.take(chunk)) for chunk in chunks)
        group.broadcast(self.decoder.state_dict().values())
        self.masks = DropoutMasks(self.decoder) if group.size > 1 else None
        self.optimization = self._new_optimization(self.stages[0])
        self.at = TrainingState()

    def _new_optimization(self, stage: Stage) -> Optimization:
        modules: dict[str, torch.nn.Module] = {"decoder": self.decoder}
        if stage.trains_encoder and self.encoder:
            modules["encoder"] = self.encoder
        decay = {"decoder": self.options.weight_decay, "encoder": self.recipe.fine_tune.weight_decay}
        return Optimization(modules, decay, self.options.average, self.group)

    def go_on(self, begin_from: Path | None, show: bool, say: Say, on_epoch: OnEpoch, watch: Watch) -> None:
        """Train from the last checkpoint, from another run's, or from the beginning, to the end."""
        self._find_position(begin_from)
        if self.at.step:
            say(f"going on after step {self.at.step}")
            watch.epoch(tuple(self.at.metrics), {})
        epochs = sum(stage.epochs for stage in self.stages)
        while place := current_epoch(self.at.metrics, self.stages, self.options):
            began, stage = time.monotonic(), place.stage
            if self.at.step == place.stage_step > 0:
                self._begin_from_best(stage)
            given = stage.epoch(place.epoch)
            done = self.at.step - place.epoch_step
            title = f"epoch {len(self.at.metrics) + 1}/{epochs}"
            with bar(title, len(given), "steps", done=done, show=show) as tick:
                for one in given[done:]:
                    self._train_on(one, place)
                    tick(
                        1,
                        note=f"{_written(stage, self.at.figures())}",
                    )
                    if self.options.checkpoint_steps and self.at.step % self.options.checkpoint_steps == 0:
                        self._save("last")
                    if watch.step(self._progress(place, epochs, len(given))):
                        self._save("last")
                        raise Stopped(self.at.step)
            captions = self._end_epoch(stage, title, time.monotonic() - began, say)
            on_epoch(tuple(self.at.metrics))
            watch.epoch(tuple(self.at.metrics), captions)
        if self.options.keep_epochs:
            self._save("weights")
        if self.group.is_main:  # a run that was killed between its last checkpoint and this goes on to here
            shutil.rmtree(self.folder / "fine-tune", ignore_errors=True)  # large, and of no more use
            write_figures(self.folder, self.at.metrics)

    def _progress(self, place: CurrentEpoch, epochs: int, steps: int) -> Progress:
        return Progress(len(self.at.metrics) + 1, epochs, self.at.step - place.epoch_step, steps, self.at.figures())

    def _find_position(self, begin_from: Path | None) -> None:
        last = self.folder / "checkpoints" / "last.safetensors"
        if last.exists():
            self._restore(last)
        elif begin_from is not None:
            self._restore(begin_from)
            if fork_from(self.at):
                self._save("best")
            self._save("last")
        if self.group.broadcast_object(self.at.step) != self.at.step:
            raise InputError(f"{last}: the workers see different files: all machines must see the run's folder")

    def take_best(self) -> None:
        """Have the best epoch's weights, and see through its encoder."""
        self._load_best()
        self.encoder_state.embed()

    def _load_best(self) -> None:
        best = load_checkpoint(self.folder / "checkpoints" / "best.safetensors")
        self.decoder.load_state_dict(best_weights(best, "decoder"))
        self.encoder_state.load(best_weights(best, "encoder"))

    def _begin_from_best(self, stage: Stage) -> None:
        """Begin a later stage: the best weights so far, and an optimiser that remembers nothing."""
        if self.group.is_main:  # the others may not see yet what it has just written
            self._load_best()
        self.group.broadcast(self.decoder.state_dict().values())
        if not stage.trains_encoder:
            self.encoder_state.embed()
        self.optimization = self._new_optimization(stage)

    def _train_on(self, given: Any, place: CurrentEpoch) -> None:
        seed = self.options.seed * 1_000_003 + self.at.step  # what is random in a step depends on its number alone
        shard, lengths = self.group.shard(len(given)), place.stage.caption_lengths(given)
        torch.manual_seed(shard.own_seed(seed) if lengths is None else seed)
        self.decoder.train()
        if self.masks:
            self.masks.share(shard, lengths)
        outcome = place.stage.step_loss(self.decoder, given, self.encoder_state.current.embeddings, seed, shard)
        step = self.at.step - place.stage_step
        age = (step if place.stage.trains_encoder else self.at.step) + 1
        self.optimization.step(outcome.loss, place.stage.learning_rates(step), self.options.clip_norm, age)
        *sums, weight = shard.totals([*outcome.sums.values(), outcome.weight])
        self.at.add(dict(zip(outcome.sums, sums, strict=True)), round(weight))

    def _end_epoch(self, stage: Stage, title: str, seconds: float, say: Say) -> dict[str, str]:
        """Validate, keep and say; the captions of the validation pictures, which the leader has."""
        validation = self._validate(stage) if self.group.is_main else None
        line: dict[str, Any] = {
            "epoch": len(self.at.metrics) + 1,
            "stage": stage.name,
            "step": self.at.step,
            **self.at.figures(),
        }
        line |= self.group.broadcast_object(
            validation.figures() | {"seconds": round(seconds, 1)} if validation else None
        )
        self.at.end_epoch(line)
        best = best_of(self.at.own_metrics(), self.options) is line
        note = " (best)" if best and self.options.best_by != "last" else ""
        if best:
            self._save("best")
        if self.options.keep_epochs:
            self._save(f"weights_{len(self.at.metrics) - 1}")
        self._save("last")
        if self.group.is_main:
            write_figures(self.folder, self.at.metrics, soon=True)
        say(
            f"{title}: {_written(stage, line)}, validation loss {line['val_loss']:.3f}, "
            f"next word {line['val_accuracy']:.1%}, BLEU-4 {100 * line['bleu_4']:.1f}, "
            f"CIDEr-D {100 * line['cider_d']:.1f}{note}{_by_source(line)}"
        )
        return validation.captions if validation else {}

    def _validate(self, stage: Stage) -> Validation:
        with self.optimization.averaged():
            return self.validator(self.decoder, stage.validation_embeddings(self.encoder_state.current.embeddings))

    def _save(self, which: str) -> None:
        if not self.group.is_main:
            return
        parts = (
            {"encoder": self.encoder_state.trained} if self.encoder_state.trained else {}
        ) | self.optimization.parts()
        if which == "best":
            del parts["optimizer"]
        save_checkpoint(self.folder / "checkpoints" / f"{which}.safetensors", parts, state_of(self.at, self.vocabulary))

    def _restore(self, path: Path) -> None:
        checkpoint, self.at = read_checkpoint(path, self.vocabulary, self.stages, self.options)
        stage = stage_behind(self.at, self.stages, self.options)
        self.optimization = self._new_optimization(stage)
        try:
            self.optimization.load(checkpoint)
        except RuntimeError as error:
            raise InputError(f"{path}: is of another decoder: choose the recipe that made it") from error
        if not stage.trains_encoder:
            self.encoder_state.load(best_weights(checkpoint, "encoder"))
            self.encoder_state.embed()


def _written(stage: Stage, figures: Mapping[str, Any]) -> str:
    """The stage's figure for people, such as `loss 2.345`."""
    return f"{stage.progress_metric.replace('train_', '')} {figures[stage.progress_metric]:.3f}"


def _by_source(line: Mapping[str, Any]) -> str:
    """The CIDEr-D of each data set, for people; nothing where there is one."""
    parts = [f"{name} {100 * figures['cider_d']:.1f}" for name, figures in line.get("sources", {}).items()]
    return f" (mean of {', '.join(parts)})" if parts else ""
