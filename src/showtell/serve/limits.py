"""Limits of one request, and of all requests together."""

from dataclasses import dataclass, fields

from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that keep a request from overloading the machine.

    Arguments:
        upload_bytes: bytes in the body of a request.
        pixels: width times height of a picture; a larger one is refused before its pixels are read.
        pictures: pictures in a request.
        seconds: time of a request from its first byte to its captions.
        waiting: pictures that may wait for captions, over all requests; more are refused, and clients retry later.
    """

    upload_bytes: int = 64_000_000
    pixels: int = 50_000_000
    pictures: int = 32
    seconds: float = 30.0
    waiting: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise InputError(f"the service's limit of {field.name} must be positive: raise it")
        if self.pictures > self.waiting:
            raise InputError(
                f"a request may hold {self.pictures} pictures but only {self.waiting} may wait: raise the queue"
            )

    @property
    def held_bytes(self) -> int:
        """Bytes of all uploads that may be in memory at once."""
        return 8 * self.upload_bytes
