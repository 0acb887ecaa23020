# as: self
"""Every source file is as clang-format-22 writes it."""

import os
import subprocess
import unittest

SOURCE = os.environ["HYDRAVISOR_SOURCE_DIR"]


class Format(unittest.TestCase):
    def test_is_that_of_the_formatter(self):
        result = subprocess.run([os.path.join(SOURCE, "tools", "check_format")], capture_output=True, text=True, check=False)
        self.assertEqual((result.stdout, result.returncode), ("", 0), result.stderr)


if __name__ == "__main__":
    unittest.main()
