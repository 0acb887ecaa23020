"""A file system of its own for a test, as root: small, full when asked to be, gone at the end."""

import contextlib
import os
import subprocess
import tempfile


class Mounted:
    """What `mount` mounts on a directory of its own. Register close() before the World that lies on it is made."""

    def __init__(self, *arguments):
        self.path = tempfile.mkdtemp(prefix="hvd-")
        try:
            subprocess.run(["mount", *arguments, self.path], check=True, capture_output=True)
        except subprocess.CalledProcessError:
            os.rmdir(self.path)
            raise

    def close(self):
        subprocess.run(["umount", "--lazy", self.path], check=True)
        os.rmdir(self.path)


class SmallDisk(Mounted):
    def __init__(self, size):
        super().__init__("-t", "tmpfs", "-o", f"size={size},mode=755", "hydravisor-test")

    @contextlib.contextmanager
    def full(self):
        """No byte is left while this lasts, or rather once fill(), which it yields, has returned: what fails takes away what it had begun."""
        filler = os.path.join(self.path, "filler")
        with open(filler, "wb", buffering=0) as file:

            def fill():
                for size in (1 << 20, 4096, 1):
                    with contextlib.suppress(OSError):
                        while file.write(b"x" * size):
                            pass

            fill()
            try:
                yield fill
            finally:
                os.unlink(filler)
