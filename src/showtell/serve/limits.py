"""What one request may ask of the service, and how much the service takes on at once."""

from dataclasses import dataclass, fields

from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep a request from taking the machine.

    Arguments:
        upload_bytes: of the body of a request.
        pixels: width times height of a picture; a file that describes more is refused before they are read.
        pictures: of a request.
        seconds: that a request may take from its first byte until its captions.
        waiting: pictures that may wait for their captions, over all requests; more are refused, to be sent later.
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
