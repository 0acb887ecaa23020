# labels: security
# as: user root
"""The one-shot worker is shut in before it reads what an agent wrote. The repository of the sandbox is made to name objects elsewhere on the
host: git, which the worker starts, would follow it anywhere if nothing stopped it."""

import json
import os
import subprocess
import tempfile
import unittest

import hydravisor

WORKER = os.path.join(hydravisor.BIN, "hydravisor-worker")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
               "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}


class Confinement(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="hv-worker-")
        self.addCleanup(self.scratch.cleanup)
        self.top = os.path.realpath(self.scratch.name)
        for name in ("workspace", "records/upper", "secret"):
            os.makedirs(f"{self.top}/{name}")

    def git(self, directory, *arguments):
        return subprocess.run(["/usr/bin/git", *arguments], cwd=directory, env=ENVIRONMENT, capture_output=True, check=True, text=True).stdout.strip()

    def diff(self):
        request = {"version": 1, "operation": "diff", "mode": "cow", "host": f"{self.top}/workspace", "records": f"{self.top}/records", "git_host": ""}
        done = subprocess.run([WORKER], input=json.dumps(request), env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)

    def borrow(self, elsewhere):
        """A repository inside whose only commit lies in `elsewhere`, and what the worker makes of it."""
        os.makedirs(elsewhere, exist_ok=True)
        self.git(elsewhere, "init", "-q", "-b", "main")
        self.git(elsewhere, "commit", "-q", "--allow-empty", "-m", "secret")
        inside = f"{self.top}/records/upper/.git"
        for name in ("objects/info", "objects/pack", "refs/heads"):
            os.makedirs(f"{inside}/{name}")
        for name, text in (("HEAD", "ref: refs/heads/main\n"), ("objects/info/alternates", f"{elsewhere}/.git/objects\n"),
                           ("refs/heads/main", self.git(elsewhere, "rev-parse", "HEAD") + "\n")):
            with open(f"{inside}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        return self.diff()["result"]

    def test_cannot_read_objects_outside_what_the_request_names(self):
        report = self.borrow(f"{self.top}/secret")
        self.assertEqual(report["refs"], [])
        self.assertIn("its objects cannot be read", json.dumps(report["files"]))

    def test_control_the_same_objects_are_read_where_the_request_allows(self):
        report = self.borrow(f"{self.top}/workspace/vendored")
        self.assertEqual([(ref["name"], ref["commits"]) for ref in report["refs"]], [("refs/heads/main", 1)])

    def test_refuses_a_request_it_does_not_understand(self):
        for text in ("", "{}", "[1", '{"version": 2}', '{"version": 1, "operation": "explode"}'):
            done = subprocess.run([WORKER], input=text, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("error", json.loads(done.stdout))


if __name__ == "__main__":
    unittest.main()
