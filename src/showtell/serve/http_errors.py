"""Why a request has no answer, as exceptions that know their HTTP status (RFC 9110, section 15; RFC 6585)."""

from collections.abc import Mapping


class Refused(Exception):
    """A request that is not served; the message is one line that tells the client what to change."""

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
    """The service does not do this, whoever asks."""

    status = 403


class TooSlow(Refused):
    """The request's bytes did not come in time."""

    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the request was not complete after {seconds:g} s: send less at once", {"Connection": "close"}
        )


class TooLarge(Refused):
    """More bytes or pictures than a request may hold."""

    status = 413

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})  # the rest of the body is not read


class Unusable(Refused):
    """What was sent is understood and cannot be captioned, or a setting is out of range."""

    status = 422


class Busy(Refused):
    """As much as the service takes on at once is under way; a little later there is room again."""

    status = 503

    def __init__(self, message: str = "the service is busy: try again in a second") -> None:
        super().__init__(message, {"Retry-After": "1"})
