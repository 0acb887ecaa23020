# as: root
# labels: functional slow
# timeout: 600
"""./quickstart with the programs of this build: the demonstration whole, with a failing command, and interrupted at any moment."""

import contextlib
import os
import signal
import subprocess
import time

import hydravisor

SCRIPT = os.path.join(hydravisor.SOURCE, "quickstart")


class Quickstart(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        # The world's own home and cache are empty; what agents are made of comes from the cache that all tests share.
        # Without a home directory that cache has another name than the one it is looked for by here.
        os.makedirs(hydravisor.cache_dir(), exist_ok=True)
        shared = self.world.directory("shared")
        os.symlink(hydravisor.cache_dir(), os.path.join(shared, "hydravisor"))
        self.env = {**self.world.env, "HYDRAVISOR_BUILD_DIR": hydravisor.BUILD, "TMPDIR": self.world.directory("tmp"),
                    "XDG_CACHE_HOME": shared, "PATH": os.environ["PATH"]}
        subprocess.run([os.path.join(hydravisor.SOURCE, "tools/fetch-npm"), self.pinned("pi_package")],
                       env={**self.env, "HOME": os.environ.get("HOME", "")}, check=True, capture_output=True, timeout=300)

    def pinned(self, name):
        agents = os.path.join(hydravisor.SOURCE, "tools/lib/agents.sh")
        return subprocess.run(["bash", "-c", f'. "$0"; printf %s "${name}"', agents], check=True, capture_output=True, text=True).stdout

    def start(self, *arguments, without=()):
        env = {name: value for name, value in self.env.items() if name not in without}
        return subprocess.Popen([SCRIPT, *arguments], env=env, cwd=self.world.project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True)

    def press(self, running):
        """Ctrl-C until it ends: an agent may take the first for something else, and `run` kills it at the third."""
        for _ in range(3):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return running.communicate(timeout=10)
        return running.communicate(timeout=30)

    def left(self):
        return os.listdir(self.env["TMPDIR"]) + self.world.leaks()

    def assert_nothing_is_left(self):
        with contextlib.suppress(AssertionError):
            hydravisor.wait_for(lambda: self.left() == [], 10)
        self.assertEqual(self.left(), [])

    def test_shows_an_agents_change_and_what_it_executed(self):
        for home in ("", None):
            with self.subTest(home=home):
                self.env["HOME"] = ""
                running = self.start(without=[] if home == "" else ["HOME"])
                out, error = running.communicate(timeout=120)
                self.assertEqual(running.returncode, 0, out + error)
                for words in (b"+hi", b"hello.txt now says: hi", b"echo hi > hello.txt"):
                    self.assertIn(words, out)
                self.assert_nothing_is_left()

    def test_returns_the_status_of_a_command(self):
        running = self.start("--", "sh", "-c", "echo changed > file; exit 7")
        out, error = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 7, out + error)
        self.assertIn(b"+changed", out)
        running = self.start("--", "no-such-command")
        running.communicate(timeout=60)
        self.assertEqual(running.returncode, 127)

    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--"], ["--fast"]):
            running = self.start(*arguments)
            out, error = running.communicate(timeout=60)
            self.assertEqual((running.returncode, out, error[:7]), (1, b"", b"error: "))

    def test_leaves_nothing_when_it_is_interrupted(self):
        for moment in (0.02, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0):
            with self.subTest(moment=moment):
                running = self.start()
                time.sleep(moment)
                ended = running.poll() is not None
                out, error = self.press(running)
                # -2: before the script had said what to do then.
                self.assertIn(running.returncode, (0,) if ended else (130, -signal.SIGINT, 0), out + error)
                self.assert_nothing_is_left()


if __name__ == "__main__":
    hydravisor.main()
