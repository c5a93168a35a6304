"""Ctrl-C: the first one stops a run cleanly, so that finished work is stored; the second one ends it at once."""

import os
import signal
import sys
import threading
from typing import NoReturn

EXIT_CODE = 130  # as shells report a process that SIGINT ended


class CtrlC:
    """Handles Ctrl-C while a command runs, and until the process ends."""

    def __init__(self) -> None:
        self.stopping = False
        self._reported = False

    def install(self) -> None:
        """Handle SIGINT, unless the process ignores it (as under `nohup`) or an embedding program handles it."""
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)

    def report(self) -> None:
        """Print once, in one line, that the run was interrupted."""
        if not self._reported:
            self._reported = True
            os.write(2, self._line())

    def _handle(self, *_: object) -> None:
        if self.stopping:
            self._leave()
        self.stopping = True
        raise KeyboardInterrupt

    def _leave(self) -> NoReturn:
        """End the process at once, without waiting for threads, cleaning up or tracebacks; unfinished files stay."""
        try:
            self.report()
        finally:
            os._exit(EXIT_CODE)

    def _line(self) -> bytes:
        shown = sys.stderr is not None and sys.stderr.isatty()
        # A progress bar has hidden the cursor and left it at the end of its last line.
        return b"\x1b[?25h\nshowtell: interrupted\n" if shown else b"showtell: interrupted\n"
