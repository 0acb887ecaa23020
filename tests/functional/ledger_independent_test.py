# labels: functional
# as: self
# timeout: 300
"""The published ledger holds for a verifier that shares no code with Hydravisor, and fails for one whose bytes were changed.

check_ledger.go uses Debian's golang.org/x/mod; without Go or that package the test is skipped.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCES = pathlib.Path(__file__).resolve().parent / "ledger_independent"
BUILD = pathlib.Path(os.environ.get("HYDRAVISOR_BUILD_DIR", "build/dev"))
GOPATH = pathlib.Path("/usr/share/gocode")
SKIPPED = 77


def find_make_ledger():
    for place in ("bin", "tests", "."):
        program = BUILD / place / "make_ledger"
        if program.exists():
            return program
    return None


def missing():
    if shutil.which("go") is None:
        return "no Go compiler (package golang-go)"
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return "no golang.org/x/mod (package golang-golang-x-mod-dev)"
    if find_make_ledger() is None:
        return f"make_ledger is not built in {BUILD}"
    return None


class LedgerIndependent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="hv-ledger-")
        cls.directory = pathlib.Path(cls.scratch.name)
        cls.checker = cls.directory / "check_ledger"
        environment = dict(
            os.environ,
            GOPATH=str(GOPATH),
            GO111MODULE="off",
            GOCACHE=str(cls.compiled_before()),
            GOFLAGS="",
            CGO_ENABLED="0",
            HOME=str(cls.directory),
        )
        cls.bundle_checker = cls.directory / "check_bundle"
        for program, source in ((cls.checker, "check_ledger.go"), (cls.bundle_checker, "check_bundle.go")):
            subprocess.run(["go", "build", "-o", program, SOURCES / source], env=environment, check=True)
        cls.ledger = cls.directory / "ledger"
        cls.make(cls.ledger, 66_000, 10, 300, 65_900)

    @classmethod
    def compiled_before(cls):
        """Go compiles its own library first, which takes far longer than the test: kept where caches are kept."""
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        kept = pathlib.Path(cache) / "hydravisor" / "go-build"
        try:
            kept.mkdir(parents=True, exist_ok=True)
            return kept
        except OSError:
            return cls.directory / "go-build"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @staticmethod
    def make(directory, count, *rotate_at):
        command = [find_make_ledger(), directory, str(count), *map(str, rotate_at)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def check(self, directory):
        done = subprocess.run([self.checker, directory], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout.strip()

    def small(self, name, *rotate_at):
        directory = self.directory / name
        self.make(directory, 600, *rotate_at)
        status, said = self.check(directory)
        self.assertEqual(status, 0, said)
        return directory

    def test_a_large_ledger_with_several_keys_holds(self):
        status, said = self.check(self.ledger)
        self.assertEqual(status, 0, said)
        # Three levels of tiles: 66,000 events, three hand-overs, and the deletion that was announced.
        self.assertEqual(said.split()[:3], ["ok", "66004", "4"])

    def test_ledgers_of_every_awkward_size_hold(self):
        for count in (3, 255, 256, 257, 511, 513):
            directory = self.directory / f"size-{count}"
            # One entry more is the deletion's.
            self.make(directory, count - 1)
            status, said = self.check(directory)
            self.assertEqual((status, said.split()[:2]), (0, ["ok", str(count)]))

    def test_a_changed_byte_anywhere_in_what_is_published_fails(self):
        directory = self.small("changed", 100)
        published = [p for p in directory.rglob("*") if p.is_file() and "journal" not in p.parts and p.parent.name != "keys"]
        published = [p for p in published if p.name != "lock" and not p.is_symlink()]
        # Tiles of sizes published earlier are not part of this tree; only those that the present size needs are changed.
        needed = [p for p in published if p.name == "checkpoint" or ".p" not in p.parent.suffix or p.name in ("90", "3", "2")]
        self.assertGreater(len(needed), 5)
        for path in needed:
            original = path.read_bytes()
            changed = bytearray(original)
            changed[len(changed) // 2] ^= 1
            path.write_bytes(bytes(changed))
            status, _ = self.check(directory)
            path.write_bytes(original)
            self.assertEqual(status, 1, f"{path.relative_to(directory)} was changed and nobody noticed")
        self.assertEqual(self.check(directory)[0], 0)

    def test_bundles_of_it_hold_and_changed_ones_do_not(self):
        directory = self.small("bundled", 100, 400)
        key = (directory / "keys" / "0.vkey").read_text().strip()
        shutil.copy(directory / "checkpoint", self.directory / "remembered")

        def check(text, first_key=key):
            (self.directory / "bundle").write_text(text)
            done = subprocess.run([self.bundle_checker, self.directory / "bundle", first_key], capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout.strip()

        made = subprocess.run([find_make_ledger(), "--bundle", directory, "0", "300", self.directory / "remembered"], check=True,
                              capture_output=True, text=True).stdout
        self.assertEqual(check(made), (0, "ok 300 603"))
        lines = made.splitlines(keepends=True)
        for number in (0, 1, 150, len(lines) - 1):
            for before, after in (("1", "2"), ("exec.", "exes."), ("text", "tent")):
                changed = "".join(lines[:number] + [lines[number].replace(before, after, 1)] + lines[number + 1:])
                if changed != made:
                    self.assertEqual(check(changed)[0], 1, f"line {number}: {before} became {after} and nobody noticed")
        self.assertEqual(check("".join(lines[:-1]))[0], 1)
        other = self.small("bundled-other")
        self.assertEqual(check(made, (other / "keys" / "0.vkey").read_text().strip())[0], 1)

    def test_a_changed_hand_over_fails(self):
        directory = self.small("handover", 50)
        note = directory / "keys" / "1.note"
        note.write_bytes(note.read_bytes().replace(b"\n52\n", b"\n51\n"))
        self.assertEqual(self.check(directory)[0], 1)

    def test_another_first_key_fails(self):
        directory = self.small("first-key")
        other = self.small("other")
        shutil.copy(other / "keys" / "0.vkey", directory / "keys" / "0.vkey")
        status, said = self.check(directory)
        self.assertEqual(status, 1)
        self.assertIn("checkpoint", said)


if __name__ == "__main__":
    reason = missing()
    if reason is not None:
        print(f"SKIPPED: {reason}")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
