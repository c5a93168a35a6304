"""Figures of a running service in the text format of Prometheus (exposition format 0.0.4)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client import generate_latest as _text

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Counters:
    """The counters of a service. They hold no names, captions or addresses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        own = self.registry
        self.requests = Counter("showtell_requests", "Requests answered.", ["path", "status"], registry=own)
        self.seconds = Histogram(
            "showtell_request_seconds",
            "From a request's headers to its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=own,
        )
        self.pictures = Counter("showtell_pictures", "Pictures, captioned or unreadable.", ["outcome"], registry=own)
        self.waiting = Gauge("showtell_pictures_waiting", "Pictures that wait for captions.", registry=own)
        self.batch = Histogram("showtell_batch_pictures", "Pictures in a batch.", buckets=_SIZES, registry=own)
        self.engine = Counter("showtell_engine_seconds", "Seconds in which the networks ran.", registry=own)

    def batched(self, pictures: int, seconds: float) -> None:
        """Count a batch of the engine."""
        self.batch.observe(pictures)
        self.engine.inc(seconds)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return _text(self.registry)
