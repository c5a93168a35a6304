"""The training loop, in plain sight: embed, build, step, validate, keep, export.

    RUN/
      recipe.json         the recipe with every default spelt out
      encoder-int8.onnx   the quantised encoder, where the recipe asks for one
      embeddings/         the store (unless another folder is named); embeddings-mirrored/ beside it where asked
      vocabulary.json
      checkpoints/        last.safetensors (to go on), best.safetensors (to export), and where asked weights_0, ...
      metrics.jsonl       one line an epoch
      curves.png
      NAME.showtell       the model bundle

A run goes on from its last checkpoint when the same command is given again, and ends with bit for bit the weights that
an unbroken run has: the batches and the random numbers of a step are functions of (seed, step) alone.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from showtell.calibrate import calibrate_from_store
from showtell.data.examples import Examples, load_examples
from showtell.embed import EmbedOptions, embed
from showtell.encoders import Encoder, encoder_graph
from showtell.errors import InputError
from showtell.files import write_bytes, write_json
from showtell.precision import int8_graph
from showtell.progress import bar
from showtell.text import Vocabulary
from showtell.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint
from showtell.training.curves import draw_curves
from showtell.training.decoders import Decoder, build
from showtell.training.export import export_bundle
from showtell.training.recipe import Recipe, recipe_of
from showtell.training.resume import (
    Place,
    Position,
    adopt,
    best_of,
    claim,
    place_of,
    read_checkpoint,
    require_checkpoint,
    state_of,
)
from showtell.training.stages import Stage, stages_of
from showtell.training.validate import Validation, Validator, held_out
from showtell.training.views import Views
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
        show: progress bars on stderr.
        say: is called with a line for people at every stage.
        on_epoch: is called after every epoch with the figures of all so far, as they stand in `metrics.jsonl`.
        watch: is told of every step and epoch, and may stop the run.

    Raises:
        InputError: the folder holds a run of another recipe, the data cannot be used, or the checkpoint to begin from
            does not fit.
        Stopped: `watch` asked for it, and the run was saved.
    """
    recipe, folder = recipe_of(recipe), Path(folder)
    if begin_from:
        require_checkpoint(Path(begin_from))
    claim(folder, recipe)
    examples = load_examples(recipe.data, Path(root))
    say(examples.summary)
    graph = encoder_graph(recipe.encoder.name, recipe.encoder.weights or None, root, say)
    if recipe.encoder.precision == "int8":
        graph = int8_graph(graph, folder, examples.source, examples.train, recipe.encoder.resize, show=show)
    encoder = Encoder(graph, resize=recipe.encoder.resize)
    where = Path(store or folder / "embeddings")
    views = _embed(recipe, examples, encoder, where, show, say)
    run = _Run(recipe, folder, examples, views)
    watch = watch or Unwatched()
    watch.begin(recipe.name, examples.source, examples.of(run.validator.names))
    run.go_on(Path(begin_from) if begin_from else None, show, say, on_epoch, watch)
    bundle = folder / f"{recipe.name}.showtell"
    best = best_of(run.at.own_metrics(), recipe.training)
    scores = {key: value for key, value in best.items() if key != "seconds"}  # the same run makes the same bundle
    export_bundle(bundle, recipe, run.best_decoder(), run.vocabulary, graph, scores, examples.counts())
    validation, training = examples.of(examples.validation), examples.of(examples.train)
    calibrate_from_store(bundle, views.store, validation, training, show=show)
    say(f"model: {bundle}")
    return TrainResult(folder, bundle, tuple(run.at.metrics), best)


def _embed(recipe: Recipe, examples: Examples, encoder: Encoder, folder: Path, show: bool, say: Say) -> Views:
    """Embed what is not embedded yet: all pictures, and where asked the training pictures' mirror images."""
    output = recipe.encoder.output
    wanted = {*examples.train, *examples.validation}
    plain = embed(examples.source, encoder, folder, EmbedOptions(output), only=wanted, show=show)
    if plain.rejects:
        say(f"{len(plain.rejects)} pictures could not be read: see {plain.store.folder / 'rejects.jsonl'}")
    if not recipe.encoder.mirrored:
        return Views(plain.store)
    beside = folder.with_name(f"{folder.name}-mirrored")
    options = EmbedOptions(output, mirrored=True)
    mirrored = embed(examples.source, encoder, beside, options, only={*examples.train}, show=show)
    return Views(plain.store, mirrored.store)


class _Run:
    """A decoder that is being trained, with everything that a checkpoint keeps."""

    def __init__(self, recipe: Recipe, folder: Path, examples: Examples, views: Views) -> None:
        self.recipe, self.options, self.folder, store = recipe, recipe.training, folder, views.store
        training = {name: captions for name, captions in examples.of(examples.train).items() if name in store.rows}
        validation = {name: c for name, c in examples.of(examples.validation).items() if name in store.rows}
        if not training or not validation:
            raise InputError("no readable picture is left in the training or the validation split")
        self.vocabulary = Vocabulary.build(
            (caption for captions in training.values() for caption in captions), recipe.vocabulary.min_count
        )
        write_json(folder / "vocabulary.json", list(self.vocabulary.entries))
        self.stages = stages_of(recipe, training, views, self.vocabulary)
        scored = dict(list(validation.items())[: self.options.validation_pictures or None])
        self.validator = Validator(
            store,
            scored,
            held_out(self.options, validation, store.rows, self.vocabulary),
            self.vocabulary,
            recipe.search,
        )
        torch.manual_seed(self.options.seed)
        self.decoder = build(recipe.decoder_kind, recipe.decoder, store.spec.shape, len(self.vocabulary))
        rows = np.sort([store.rows[name] for name in training])
        chunks = (rows[i : i + _ROWS_AT_ONCE] for i in range(0, len(rows), _ROWS_AT_ONCE))
        self.decoder.standardise_by(torch.from_numpy(store.take(chunk)) for chunk in chunks)
        self.average = self._weights()
        self.optimizer = self._new_optimizer()
        self.at = Position()

    def _weights(self) -> dict[str, torch.Tensor]:
        """A copy of what the decoder's weights are now."""
        return {name: tensor.detach().clone() for name, tensor in self.decoder.state_dict().items()}

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.decoder.parameters(), weight_decay=self.options.weight_decay, fused=True)

    def go_on(self, begin_from: Path | None, show: bool, say: Say, on_epoch: OnEpoch, watch: Watch) -> None:
        """Train from the last checkpoint, from another run's, or from the beginning, to the end."""
        self._find_position(begin_from)
        if self.at.step:
            say(f"going on after step {self.at.step}")
            watch.epoch(tuple(self.at.metrics), {})
        epochs = sum(stage.epochs for stage in self.stages)
        while place := place_of(self.at.metrics, self.stages, self.options):
            began, stage = time.monotonic(), place.stage
            if self.at.step == place.stage_step > 0:
                self._begin_from_best()
            given = stage.epoch(place.epoch)
            done = self.at.step - place.epoch_step
            title = f"epoch {len(self.at.metrics) + 1}/{epochs}"
            with bar(title, len(given), "steps", done=done, show=show) as tick:
                for one in given[done:]:
                    self._train_on(one, place)
                    tick(1, note=f"{stage.main.replace('train_', '')} {self.at.figures()[stage.main]:.3f}")
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
        self._write_metrics()  # a run killed between its last checkpoint and this goes on to here

    def _progress(self, place: Place, epochs: int, steps: int) -> Progress:
        return Progress(len(self.at.metrics) + 1, epochs, self.at.step - place.epoch_step, steps, self.at.figures())

    def _find_position(self, begin_from: Path | None) -> None:
        last = self.folder / "checkpoints" / "last.safetensors"
        if last.exists():
            self._restore(last)
        elif begin_from is not None:
            self._restore(begin_from)
            if adopt(self.at):
                self._save("best")
            self._save("last")

    def best_decoder(self) -> Decoder:
        """A decoder with the best epoch's weights, in evaluation mode."""
        checkpoint = load_checkpoint(self.folder / "checkpoints" / "best.safetensors")
        self.decoder.load_state_dict(checkpoint.part("average" if self.options.average else "model"))
        return self.decoder.eval()

    def _begin_from_best(self) -> None:
        """Begin a later stage: the best weights so far, and an optimiser that remembers nothing."""
        self.best_decoder()
        self.average = self._weights()
        self.optimizer = self._new_optimizer()

    def _train_on(self, given: Any, place: Place) -> None:
        seed = self.options.seed * 1_000_003 + self.at.step  # what is random in a step depends on its number alone
        torch.manual_seed(seed)
        self.decoder.train()
        for group in self.optimizer.param_groups:
            group["lr"] = place.stage.learning_rate(self.at.step - place.stage_step)
        outcome = place.stage.outcome(self.decoder, given, seed)
        self.optimizer.zero_grad(set_to_none=True)
        outcome.loss.backward()  # type: ignore[no-untyped-call]
        if self.options.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), self.options.clip_norm)
        self.optimizer.step()
        self.at.add(outcome)
        if self.options.average:
            decay = min(self.options.average, (1 + self.at.step) / (10 + self.at.step))
            for name, tensor in self.decoder.state_dict().items():
                self.average[name].lerp_(tensor, 1 - decay)

    def _end_epoch(self, stage: Stage, title: str, seconds: float, say: Say) -> dict[str, str]:
        """Validate, keep and say; the captions of the validation pictures."""
        validation, figures = self._validate(), self.at.figures()
        line = {
            "epoch": len(self.at.metrics) + 1,
            "stage": stage.name,
            "step": self.at.step,
            **figures,
            "val_loss": validation.loss,
            "val_accuracy": validation.accuracy,
            "bleu_4": validation.bleu_4,
            "cider_d": validation.cider_d,
            "seconds": round(seconds, 1),
        }
        self.at.end_epoch(line)
        best = best_of(self.at.own_metrics(), self.options) is line
        note = " (best)" if best and self.options.best_by != "last" else ""
        if best:
            self._save("best")
        if self.options.keep_epochs:
            self._save(f"weights_{len(self.at.metrics) - 1}")
        self._save("last")
        self._write_metrics()
        say(
            f"{title}: {stage.main.replace('train_', '')} {figures[stage.main]:.3f}, validation loss "
            f"{validation.loss:.3f}, next word {validation.accuracy:.1%}, BLEU-4 {100 * validation.bleu_4:.1f}, "
            f"CIDEr-D {100 * validation.cider_d:.1f}{note}"
        )
        return validation.captions

    def _validate(self) -> Validation:
        if not self.options.average:
            return self.validator(self.decoder)
        current = self._weights()
        self.decoder.load_state_dict(self.average)
        validation = self.validator(self.decoder)
        self.decoder.load_state_dict(current)
        return validation

    def _write_metrics(self) -> None:
        lines = "".join(json.dumps(line) + "\n" for line in self.at.metrics)
        write_bytes(self.folder / "metrics.jsonl", lines.encode())
        draw_curves(self.at.metrics, self.folder / "curves.png")

    def _save(self, which: str) -> None:
        parts = {"model": self.decoder.state_dict(), "optimizer": optimizer_tensors(self.optimizer)}
        if self.options.average:
            parts["average"] = self.average
        if which == "best":
            del parts["optimizer"]
        save_checkpoint(self.folder / "checkpoints" / f"{which}.safetensors", parts, state_of(self.at, self.vocabulary))

    def _restore(self, path: Path) -> None:
        checkpoint, self.at = read_checkpoint(path, self.vocabulary, self.stages, self.options)
        try:
            self.decoder.load_state_dict(checkpoint.part("model"))
        except RuntimeError as error:
            raise InputError(f"{path}: is of another decoder: choose the recipe that made it") from error
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"))
        self.average = checkpoint.part("average") or checkpoint.part("model")
