# as: user
"""The state directory of another version, read-only, or full when it is to be changed: brought up to date with a copy of before, or refused and
left as it is.
"""

import hashlib
import json
import os
import subprocess
import tarfile

import hydravisor

OLD = os.path.join(hydravisor.SOURCE, "tests/fixtures/state_format_0.tar.gz")


class State(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.world.state, "hydravisor")
        self.format = os.path.join(self.directory, "format.json")

    def put_old(self):
        """What the first version that ran sandboxes left (23 November 2026): one with changes, one that never started, its ledger."""
        with tarfile.open(OLD) as archive:
            archive.extractall(self.world.state)
        self.world.write("a.txt", "old\n")
        files = {}
        for sandbox in self.world.sandboxes():
            path = os.path.join(self.directory, "sandboxes", sandbox, "sandbox.json")
            with open(path, encoding="utf-8") as file:
                files[sandbox] = file.read().replace("/tmp/hvo/project", self.world.project)
            with open(path, "w", encoding="utf-8") as file:
                file.write(files[sandbox])
        return files

    def write_format(self, text):
        os.makedirs(self.directory, exist_ok=True)
        with open(self.format, "w", encoding="utf-8") as file:
            file.write(text)

    def read_format(self):
        with open(self.format, encoding="utf-8") as file:
            return json.load(file)

    def fingerprint(self):
        """Names, modes, times and contents of all that lies there."""
        found = []
        for folder, folders, names in os.walk(self.directory):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                status = os.lstat(path)
                digest = ""
                if path != folder:
                    with open(path, "rb") as file:
                        digest = hashlib.sha256(file.read()).hexdigest()
                found.append((path, status.st_mode, status.st_mtime_ns, digest))
            folders.sort()
        return sorted(found)


class OfAnotherVersion(State):
    def test_a_new_one_says_its_format(self):
        self.world.ok("ls")
        self.assertEqual(self.read_format(), {"format": 1, "written_by": self.world.json("version")["version"]})
        self.assertEqual(self.world.json("audit", "ls", "--kind", "state.migrated")["items"], [])

    def test_an_older_one_is_brought_up_to_date_and_what_was_there_is_copied(self):
        before = self.put_old()
        self.assertEqual({item["name"]: item["state"] for item in self.world.json("ls")["items"]}, {"made": "created", "changed": "stopped"})
        for sandbox, text in before.items():
            with open(os.path.join(self.directory, "backup-of-format-0/sandboxes", sandbox, "sandbox.json"), encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
        self.assertEqual(self.read_format()["format"], 1)
        self.assertIn("+new", self.world.ok("diff", "changed"))
        self.world.ok("start", "made")
        self.assertEqual(self.world.cli("wait", "made").returncode, 0)
        self.world.ok("audit", "verify")
        events = [item["payload"] for item in self.world.json("audit", "ls", "--kind", "state.migrated")["items"]]
        self.assertEqual([(event["from"], event["to"], event["backup"]) for event in events], [(0, 1, self.directory + "/backup-of-format-0")])
        self.world.stop_daemon()
        self.assertEqual(len(self.world.json("ls")["items"]), 2)
        self.assertEqual(len(self.world.json("audit", "ls", "--kind", "state.migrated")["items"]), 1)

    def test_a_newer_one_is_refused_and_untouched(self):
        self.put_old()
        self.write_format('{"format":7,"written_by":"3.2.1","reason":"unknown here"}\n')
        before = self.fingerprint()
        for arguments in (["ls"], ["run", "--", "true"], ["doctor"]):
            result = self.world.cli(*arguments)
            self.assertEqual(result.returncode, 125, result.stderr)
            for words in ("Hydravisor 3.2.1", "a newer form (7)", "nothing was touched", "XDG_STATE_HOME"):
                self.assertIn(words, result.stderr.decode())
        self.assertEqual(self.fingerprint(), before)
        # And so it stays when somebody else is to clear up.
        for sandbox in self.world.sandboxes():
            self.world.cli("rm", "--force", sandbox)
        self.assertEqual(self.fingerprint(), before)
        os.unlink(self.format)
        self.world.ok("rm", "--force", "made", "changed")

    def test_a_format_that_makes_no_sense_is_refused_and_untouched(self):
        for text in ("", "[]", '{"format":"one","written_by":"x"}', "x" * 10000):
            with self.subTest(text=text[:20]):
                self.write_format(text)
                before = self.fingerprint()
                self.assert_refused(self.world.cli("ls"), "format.json", "nothing was touched" if len(text) < 5000 else "")
                self.assertEqual(self.fingerprint(), before)
        os.unlink(self.format)


class ThatCannotBeWritten(State):
    def test_is_refused_with_what_to_do(self):
        self.world.ok("ls")
        self.world.stop_daemon()
        os.rename(self.format, self.format + ".old")
        os.chmod(self.directory, 0o500)
        self.addCleanup(os.chmod, self.directory, 0o700)
        self.assert_refused(self.run_in_sandbox("true"), "Permission denied", self.directory, "chmod u+rwx")

    def in_mounts(self, script, *arguments):
        """The command in a mount namespace of its own, after the script has changed what is mounted."""
        return subprocess.run(["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-ec", script + '; exec "$0" "$@"',
                               hydravisor.CLI, *arguments], env=self.world.env, cwd=self.world.project, capture_output=True, timeout=60, check=False)

    def test_because_its_file_system_is_read_only_is_refused_with_what_to_do(self):
        self.world.ok("ls")
        self.world.stop_daemon()
        state = self.world.state
        result = self.in_mounts(f"mount --bind {state} {state}; mount -o remount,bind,ro {state}", "run", "--", "true")
        self.assertEqual(result.returncode, 125, result.stderr)
        for words in ("Read-only file system", self.directory, "XDG_STATE_HOME"):
            self.assertIn(words, result.stderr.decode())

    def test_because_it_is_full_is_not_migrated_by_half(self):
        before = self.put_old()
        kept = self.fingerprint()
        # The old state on a file system of exactly its size.
        state = self.world.state
        script = (f'cp -a {state}/hydravisor "$HOME"/copy; mount -t tmpfs -o size=1m tmpfs {state}; cp -a "$HOME"/copy {state}/hydravisor; '
                  f'dd if=/dev/zero of={state}/filler bs=4k 2> /dev/null || true; "$0" ls || true; rm {state}/filler; "$0" ls; '
                  f'"$0" daemon stop > /dev/null; cat {state}/hydravisor/backup-of-format-0/sandboxes/*/sandbox.json; true')
        result = self.in_mounts(script, "--version")
        self.assertIn("No space left on device", result.stderr.decode())
        for text in before.values():
            self.assertIn(text, result.stdout.decode())
        self.assertIn("changed", result.stdout.decode())
        # Outside, nothing of it was seen.
        self.assertEqual(self.fingerprint(), kept)


if __name__ == "__main__":
    hydravisor.main()
