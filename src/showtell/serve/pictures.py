"""Untrusted bytes -> square pictures for the encoder, in a few threads and within limits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from showtell.errors import PictureError
from showtell.images.decode import DecodeOptions
from showtell.images.preprocessing import Preprocessing, fitted
from showtell.onnx_graphs.session import available_cores

_MOST_SCANS = 100  # of a JPEG; encoders write about ten, and each scan costs a pass over all pixels
_SCAN = b"\xff\xda"  # start of scan; within a scan's data 0xFF is always followed by 0x00 or a restart marker


class PictureDecoder:
    """Decodes pictures, as many at once as there are cores."""

    def __init__(self, preprocessing: Preprocessing, max_pixels: int) -> None:
        self.preprocessing = preprocessing
        # No drafts: even a reduced decode of a JPEG beyond the limit would take seconds.
        self.options = DecodeOptions(max_pixels, drafts=False)
        self.threads = ThreadPoolExecutor(available_cores(), thread_name_prefix="decode")

    def __call__(self, data: bytes) -> npt.NDArray[np.uint8] | str:
        """The square of a picture, or the reason why it cannot be decoded."""
        if data.startswith(b"\xff\xd8") and data.count(_SCAN) > _MOST_SCANS:
            return f"the picture has more than {_MOST_SCANS} scans"
        try:
            return fitted(data, self.preprocessing, self.options)
        except PictureError as error:
            return str(error)

    def close(self) -> None:
        """End the threads."""
        self.threads.shutdown(wait=True, cancel_futures=True)
