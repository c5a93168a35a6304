"""The review page of `showtell review`: captions that may be wrong, one after the other, for a person to decide."""

import asyncio
import io
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import FastAPI, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from showtell.alt_text.review import Item, Review
from showtell.errors import InputError, PictureError
from showtell.images.decode import decode
from showtell.serve.auth import Access, AccessMiddleware
from showtell.serve.site import add_site

_LARGEST = 1600  # pixels of a side


class ItemAnswer(BaseModel):
    """A picture to look at; see `showtell.alt_text.review.Item`."""

    name: str
    text: str
    why: str
    tag: str
    confidence: float | None
    tags: list[str]
    decided: str | None


class ReviewAnswer(BaseModel):
    """All pictures to look at. `in_table` is whether the texts go into a table, which the next run writes."""

    folder: str
    in_table: bool
    max_chars: int | None
    items: list[ItemAnswer]


class Decision(BaseModel):
    """What a person decided: the text; empty for no text, null to take a decision back."""

    text: str | None


def make_review_app(review: Review, access: Access) -> FastAPI:
    """The application that shows a review. All work with the journal is done in the event loop's thread."""
    app = FastAPI(title="Showtell review", docs_url=None, redoc_url=None)
    last = len(review.pictures) - 1

    @app.get("/v1/review")
    async def items() -> ReviewAnswer:
        """The pictures to look at."""
        answers = [_answer(review.item(place)) for place in range(len(review.pictures))]
        return ReviewAnswer(
            folder=str(review.folder),
            in_table=review.in_table,
            max_chars=review.options.style.max_chars,
            items=answers,
        )

    @app.get("/v1/review/pictures/{place}", response_class=Response)
    async def picture(place: Annotated[int, Path(ge=0, le=last)]) -> Response:
        """A picture, upright, as a JPEG without metadata."""
        try:
            jpeg = await asyncio.to_thread(_jpeg, review.pictures[place].path)
        except (PictureError, OSError):
            return Response(status_code=404)
        return Response(jpeg, media_type="image/jpeg")

    @app.post("/v1/review/pictures/{place}")
    async def decide(place: Annotated[int, Path(ge=0, le=last)], decision: Decision) -> ItemAnswer:
        """Write what the person decided."""
        return _answer(review.decide(place, decision.text))

    async def failed(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 409)

    app.add_exception_handler(InputError, failed)
    add_site(app, "review_page", "review.html")
    app.add_middleware(AccessMiddleware, access=access, watch=lambda path, status, seconds: None)
    return app


def _answer(item: Item) -> ItemAnswer:
    return ItemAnswer(
        name=item.name,
        text=item.text,
        why=item.why,
        tag=item.tag,
        confidence=item.confidence,
        tags=[tag.name for tag in item.tags],
        decided=item.decided,
    )


def _jpeg(path: FilePath) -> bytes:
    image = decode(path, least=_LARGEST)
    image.thumbnail((_LARGEST, _LARGEST))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()
