"""The Debian package and the archive as users get them, built once for all tests that install them."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

import hydravisor

# The same names and date for every build, whatever is committed meanwhile.
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600", "HYDRAVISOR_COMMIT": "0" * 40}


def checked(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        raise AssertionError(f"{command[0]} exited with {result.returncode}:\n{result.stdout[-4000:]}{result.stderr[-4000:]}")
    return result.stdout


class Package:
    def __init__(self, directory):
        self.directory = directory
        self.deb, = glob.glob(os.path.join(directory, "*.deb"))
        self.archive, = glob.glob(os.path.join(directory, "*.tar.gz"))


def build():
    """Both, in a directory that goes at the end of the running test module."""
    directory = tempfile.mkdtemp(prefix="hvp-")
    unittest.addModuleCleanup(shutil.rmtree, directory)
    checked(os.path.join(hydravisor.SOURCE, "packaging/build"), "--output", os.path.join(directory, "packages"), env=ENVIRONMENT)
    return Package(os.path.join(directory, "packages"))
