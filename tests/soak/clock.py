"""The wall clock of the services, which can be set back; requires a C compiler."""

import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


class ServicesClock:
    """The wall clock of all services; their monotonic clocks go on.

    Args:
        folder: For the offset and the library that adds it.

    Attributes:
        environment: Variables of the services.
        offset_seconds: The offset that was set.
        can_be_set: False without a C compiler.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.offset_seconds = 0
        self.environment: dict[str, str] = {}
        compiler = shutil.which("cc")
        self.can_be_set = compiler is not None
        if compiler is None:
            print("There is no C compiler: no clock is set back.", flush=True)
            return
        library = folder / "clock.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True)
        self.set(0)
        self.environment = {"LD_PRELOAD": str(library), "SOAK_CLOCK_FILE": str(self._file)}

    def set(self, seconds: int) -> None:
        """Sets the offset, at once for all services."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:  # in place: the services have it mapped
            file.write(seconds.to_bytes(8, "little", signed=True))
        self.offset_seconds = seconds
