"""Why a request has no answer, as exceptions that know their HTTP status (RFC 9110, section 15; RFC 6585)."""

from collections.abc import Mapping


class Refused(Exception):
    """A refused request; the message is one line that tells the client what to change."""

    status = 400

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class Unauthorised(Refused):
    """The bearer token is missing or wrong (RFC 6750)."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "a token is needed: send the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
        )


class Forbidden(Refused):
    """The service does this for nobody."""

    status = 403


class TooSlow(Refused):
    """The request's bytes did not arrive in time."""

    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the request was not complete after {seconds:g} s: send less at once", {"Connection": "close"}
        )


class TooLarge(Refused):
    """The request has too many bytes or pictures."""

    status = 413

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})  # the rest of the body is not read


class Unusable(Refused):
    """The request is valid, but its pictures cannot be captioned or a setting is out of range."""

    status = 422


class Busy(Refused):
    """The service is at its limits; a later retry can succeed."""

    status = 503

    def __init__(self, message: str = "the service is busy: try again in a second") -> None:
        super().__init__(message, {"Retry-After": "1"})
