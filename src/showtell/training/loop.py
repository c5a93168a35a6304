"""The training loop: step, validate, checkpoint.

The same command resumes a run from its last checkpoint. The final weights equal, bit for bit, those of an uninterrupted
run, because the batches and random numbers of a step depend only on (seed, step).
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from showtell.data.examples import Group
from showtell.decoders.registry import build
from showtell.errors import InputError
from showtell.files import write_json
from showtell.models.bundle import Bundle
from showtell.progress import bar
from showtell.text import Vocabulary, guess_rules
from showtell.training.checkpoint import load_checkpoint, save_checkpoint
from showtell.training.curves import write_figures
from showtell.training.distributed import WorkerGroup
from showtell.training.dropout import DropoutMasks
from showtell.training.encoder.embeddings import Captions, EncoderState
from showtell.training.encoder.frozen_features import FrozenFeatures
from showtell.training.from_model import joined_vocabulary, own_words, start_from
from showtell.training.optimization import Optimization, best_weights
from showtell.training.recipe import Recipe
from showtell.training.resume import (
    CurrentEpoch,
    TrainingState,
    best_of,
    current_epoch,
    fork_from,
    read_checkpoint,
    stage_behind,
    state_of,
)
from showtell.training.sampling import Sampling
from showtell.training.stages.base import Stage
from showtell.training.stages.build import stages_of
from showtell.training.text_only import TextOnly
from showtell.training.validate import GroupValidator, Validation
from showtell.training.watch import Progress, Stopped, Watch

Say: TypeAlias = Callable[[str], None]
OnEpoch: TypeAlias = Callable[[Sequence[dict[str, Any]]], None]
"""Called after every epoch with the figures of all epochs so far, for live curves."""

_ROWS_AT_ONCE = 256  # of the training embeddings: all grids together would not fit into memory


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Captions by picture of both splits, their data sets, the encoder with its embeddings of these pictures,
    groups of captions without pictures, and the model that the decoder starts from.

    `features` are the inputs of the encoder's trained layers; None if the recipe does not train it.
    """

    training: Captions
    validation: Captions
    groups: Sequence[Group]
    features: FrozenFeatures | None
    encoder: EncoderState
    texts: Sequence[Sequence[str]] = ()
    start: Bundle | None = None


class TrainingLoop:
    """A model in training with everything that a checkpoint stores."""

    def __init__(
        self, recipe: Recipe, folder: Path, data: TrainingData, device: torch.device, group: WorkerGroup
    ) -> None:
        self.recipe, self.options, self.folder, self.data, self.group = recipe, recipe.training, folder, data, group
        self.encoder = data.features.encoder.to(device) if data.features else None
        training, validation, store = data.training, data.validation, data.encoder.current.embeddings.store
        self.vocabulary = joined_vocabulary(_vocabulary(recipe, training, data.texts, data.start), data.start)
        if group.is_main:
            write_json(folder / "vocabulary.json", list(self.vocabulary.entries))
        sampling = Sampling(data.groups, training)
        texts = (
            TextOnly(recipe.text, self.options, data.texts, training, store, self.vocabulary) if data.texts else None
        )
        self.stages = stages_of(
            recipe, training, store.rows, self.vocabulary, data.features, sampling, texts, data.groups
        )
        self.validator = GroupValidator(validation, data.groups, self.options, self.vocabulary, recipe.search)
        torch.manual_seed(self.options.seed)
        self.decoder = build(recipe.decoder_kind, recipe.decoder, store.spec.shape, len(self.vocabulary)).to(device)
        if group.is_main:
            rows = np.sort([store.rows[name] for name in training])
            chunks = (rows[i : i + _ROWS_AT_ONCE] for i in range(0, len(rows), _ROWS_AT_ONCE))
            self.decoder.standardise_by(torch.from_numpy(store.take(chunk)) for chunk in chunks)
            if data.start:
                start_from(self.decoder, self.vocabulary, data.start)
        group.broadcast(self.decoder.state_dict().values())
        self.masks = DropoutMasks(self.decoder) if group.size > 1 else None
        self.optimization = self._new_optimization(self.stages[0])
        self.state, self.latest = TrainingState(), dict[str, float]()

    def _new_optimization(self, stage: Stage) -> Optimization:
        modules: dict[str, torch.nn.Module] = {"decoder": self.decoder}
        if stage.trains_encoder and self.encoder:
            modules["encoder"] = self.encoder
        decay = {"decoder": self.options.weight_decay, "encoder": self.recipe.fine_tune.weight_decay}
        return Optimization(modules, decay, self.options.average, self.group)

    def run(self, begin_from: Path | None, show: bool, say: Say, on_epoch: OnEpoch, watch: Watch) -> None:
        """Train to the end, from the last checkpoint, from another run's, or from the start."""
        self._resume(begin_from)
        if self.state.step:
            say(f"resuming after step {self.state.step}")
            watch.epoch(tuple(self.state.metrics), {})
        epochs = sum(stage.epochs for stage in self.stages)
        while current := current_epoch(self.state.metrics, self.stages, self.options):
            began, stage = time.monotonic(), current.stage
            if self.state.step == current.stage_step > 0:
                self._begin_from_best(stage)
            given = stage.epoch(current.epoch)
            done = self.state.step - current.epoch_step
            title = f"epoch {len(self.state.metrics) + 1}/{epochs}"
            with bar(title, len(given), "steps", done=done, show=show) as tick:
                for one in given[done:]:
                    self._train_step(one, current)
                    tick(1, note=_written(stage, self.state.figures()))
                    if self.options.checkpoint_steps and self.state.step % self.options.checkpoint_steps == 0:
                        self._save("last")
                    if watch.step(self._progress(current, epochs, len(given))):
                        self._save("last")
                        raise Stopped(self.state.step)
            captions = self._end_epoch(stage, title, time.monotonic() - began, say)
            on_epoch(tuple(self.state.metrics))
            watch.epoch(tuple(self.state.metrics), captions)
        if self.options.keep_epochs:
            self._save("weights")
        if self.group.is_main:  # a run that was killed after its last checkpoint resumes here
            shutil.rmtree(self.folder / "fine-tune", ignore_errors=True)  # large, and no longer needed
            write_figures(self.folder, self.state.metrics)

    def _progress(self, current: CurrentEpoch, epochs: int, steps: int) -> Progress:
        return Progress(
            len(self.state.metrics) + 1,
            epochs,
            self.state.step - current.epoch_step,
            steps,
            self.state.figures(),
            self.state.step,
            self.latest,
        )

    def _resume(self, begin_from: Path | None) -> None:
        last = self.folder / "checkpoints" / "last.safetensors"
        if last.exists():
            self._restore(last)
        elif begin_from is not None:
            self._restore(begin_from)
            if fork_from(self.state):
                self._save("best")
            self._save("last")
        if self.group.broadcast_object(self.state.step) != self.state.step:
            raise InputError(f"{last}: the workers see different files: all machines must share the run's folder")

    def load_best(self) -> None:
        """Load the best epoch's weights, and embed with its encoder."""
        self._load_best_weights()
        self.data.encoder.embed()

    def _load_best_weights(self) -> None:
        best = load_checkpoint(self.folder / "checkpoints" / "best.safetensors")
        self.decoder.load_state_dict(best_weights(best, "decoder"))
        self.data.encoder.load(best_weights(best, "encoder"))

    def _begin_from_best(self, stage: Stage) -> None:
        """Start a later stage from the best weights so far, with a new optimizer."""
        if self.group.is_main:  # the others may not see its new file yet
            self._load_best_weights()
        self.group.broadcast(self.decoder.state_dict().values())
        if not stage.trains_encoder:
            self.data.encoder.embed()
        self.optimization = self._new_optimization(stage)

    def _train_step(self, given: Any, current: CurrentEpoch) -> None:
        seed = self.options.seed * 1_000_003 + self.state.step  # random numbers of a step depend only on its number
        shard, lengths = self.group.shard(len(given)), current.stage.caption_lengths(given)
        torch.manual_seed(shard.own_seed(seed) if lengths is None else seed)
        self.decoder.train()
        if self.masks:
            self.masks.share(shard, lengths)
        computed = current.stage.step_loss(self.decoder, given, self.data.encoder.current.embeddings, seed, shard)
        step = self.state.step - current.stage_step
        age = (step if current.stage.trains_encoder else self.state.step) + 1
        self.optimization.step(computed.loss, current.stage.learning_rates(step), self.options.clip_norm, age)
        *sums, weight = shard.totals([*computed.sums.values(), computed.weight])
        self.state.add(dict(zip(computed.sums, sums, strict=True)), round(weight))
        self.latest = {name: total / weight for name, total in zip(computed.sums, sums, strict=True)}

    def _end_epoch(self, stage: Stage, title: str, seconds: float, say: Say) -> dict[str, str]:
        """Validate, save and report; return the captions of the validation pictures, which the main worker has."""
        validation = self._validate(stage) if self.group.is_main else None
        line: dict[str, Any] = {
            "epoch": len(self.state.metrics) + 1,
            "stage": stage.name,
            "step": self.state.step,
            **self.state.figures(),
        }
        measured = validation.figures() | {"seconds": round(seconds, 1)} if validation else None
        line |= self.group.broadcast_object(measured)
        self.state.end_epoch(line)
        best = best_of(self.state.own_metrics(), self.options) is line
        note = " (best)" if best and self.options.best_by != "last" else ""
        if best:
            self._save("best")
        if self.options.keep_epochs:
            self._save(f"weights_{len(self.state.metrics) - 1}")
        self._save("last")
        if self.group.is_main:
            write_figures(self.folder, self.state.metrics)
        say(
            f"{title}: {_written(stage, line)}, validation loss {line['val_loss']:.3f}, "
            f"next word {line['val_accuracy']:.1%}, BLEU-4 {100 * line['bleu_4']:.1f}, "
            f"CIDEr-D {100 * line['cider_d']:.1f}{note}{_by_source(line)}"
        )
        return validation.captions if validation else {}

    def _validate(self, stage: Stage) -> Validation:
        with self.optimization.averaged():
            if stage.trains_encoder and self.data.features:
                return self.validator(self.decoder, self.data.features.validation_embeddings())
            return self.validator(self.decoder, self.data.encoder.current.embeddings.store)

    def _save(self, which: str) -> None:
        if not self.group.is_main:
            return
        trained = self.data.encoder.trained
        parts = ({"encoder": trained} if trained else {}) | self.optimization.parts()
        if which == "best":
            del parts["optimizer"]
        save_checkpoint(
            self.folder / "checkpoints" / f"{which}.safetensors", parts, state_of(self.state, self.vocabulary)
        )

    def _restore(self, path: Path) -> None:
        checkpoint, self.state = read_checkpoint(path, self.vocabulary, self.stages, self.options)
        stage = stage_behind(self.state, self.stages, self.options)
        self.optimization = self._new_optimization(stage)
        try:
            self.optimization.load(checkpoint)
        except RuntimeError as error:
            raise InputError(f"{path}: belongs to another decoder: choose the recipe that made it") from error
        if not stage.trains_encoder:
            self.data.encoder.load(best_weights(checkpoint, "encoder"))
            self.data.encoder.embed()


def _vocabulary(recipe: Recipe, training: Captions, texts: Sequence[Sequence[str]], start: Bundle | None) -> Vocabulary:
    """The words of the training captions, and those of captions without pictures, that occur often enough.

    Text is split as the recipe says, or as the model does that training starts from.
    """
    options = recipe.vocabulary

    def captions() -> Iterator[str]:
        return (caption for group in training.values() for caption in group)

    rules = (
        own_words(start).rules
        if start
        else guess_rules(captions(), options.tokenizer, options.case, options.punctuation)
    )
    own = Vocabulary.build(captions(), options.min_count, rules, options.subwords)
    if not texts or not recipe.text.min_count:
        return own
    more = Vocabulary.build(
        (caption for group in texts for caption in group), recipe.text.min_count, rules, options.subwords
    )
    return Vocabulary(tuple(sorted({*own.entries, *more.entries})), rules)


def _written(stage: Stage, figures: Mapping[str, Any]) -> str:
    """The stage's figure for people, such as `loss 2.345`."""
    return f"{stage.progress_metric.replace('train_', '')} {figures[stage.progress_metric]:.3f}"


def _by_source(line: Mapping[str, Any]) -> str:
    """The CIDEr-D of each data set, for people; empty if there is only one."""
    parts = [f"{name} {100 * figures['cider_d']:.1f}" for name, figures in line.get("sources", {}).items()]
    return f" (mean of {', '.join(parts)})" if parts else ""
