# as: user root
"""The workspace: what is written inside stays inside until it is applied, and nothing is lost on the way."""

import json
import os
import subprocess
import time

import hydravisor


class CopyOnWrite(hydravisor.TestCase):
    def change(self, script, name="w"):
        """Runs a shell script in the workspace and keeps the sandbox."""
        result = self.run_in_sandbox("sh", "-ec", script, options=["--name", name, "--keep"])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_shows_the_hosts_files_at_the_same_path(self):
        path = self.world.write("src/a.txt", "from the host\n")
        self.assert_output(self.run_in_sandbox("cat", path), "from the host\n")

    def test_keeps_changes_from_the_host_until_they_are_applied(self):
        self.world.write("a.txt", "one\n")
        self.change("echo two > a.txt; echo new > b.txt")
        self.assertEqual((self.world.read("a.txt"), self.world.read("b.txt")), ("one\n", None))
        difference = self.world.ok("diff", "w")
        for line in ("-one", "+two", "+new", "b.txt"):
            self.assertIn(line, difference)
        self.world.ok("apply", "w")
        self.assertEqual((self.world.read("a.txt"), self.world.read("b.txt")), ("two\n", "new\n"))
        self.assertEqual(self.world.json("diff", "w")["files"], [])

    def test_applies_only_the_paths_that_are_named(self):
        self.change("echo 1 > one; echo 2 > two")
        self.world.ok("apply", "w", "one")
        self.assertEqual((self.world.read("one"), self.world.read("two")), ("1\n", None))

    def test_what_was_applied_before_the_end_of_a_run_was_looked_at_can_be_undone(self):
        """A run that left no changes goes by itself; one whose changes were applied in the very moment of that look does not."""
        slow = os.path.join(self.world.directory("slow"), "hydravisor-worker")
        with open(slow, "w", encoding="utf-8") as file:
            # The end of a run takes its time; who applies meanwhile is next.
            file.write("#!/bin/sh\nrequest=$(cat)\ncase $request in *'\"operation\":\"list_files\"'*) sleep 2;; esac\n"
                       f"printf %s \"$request\" | {hydravisor.BIN}/hydravisor-worker \"$@\"\n")
        os.chmod(slow, 0o755)
        self.use_programs(os.path.dirname(slow))
        self.world.ok("run", "--name", "w", "--", "sh", "-c", "echo 1 > one")
        self.world.ok("apply", "w")
        time.sleep(4)
        self.world.ok("undo", "w")
        self.assertIsNone(self.world.read("one"))
        # The control: with nothing applied it goes.
        self.world.ok("run", "--name", "empty", "--", "sh", "-c", "echo 1 > one; rm one")
        hydravisor.wait_for(lambda: [item["name"] for item in self.world.json("ls")["items"]] == ["w"], 15, "its going")

    def test_changes_nothing_in_a_dry_run(self):
        self.change("echo 1 > one")
        self.assertIn("one", self.world.ok("apply", "w", "--dry-run"))
        self.assertIsNone(self.world.read("one"))

    def test_forgets_what_is_discarded(self):
        self.world.write("a.txt", "one\n")
        self.change("echo two > a.txt")
        self.world.ok("discard", "w")
        self.assertEqual(self.world.json("diff", "w")["files"], [])
        self.assertEqual(self.world.read("a.txt"), "one\n")

    def test_applies_deletions_modes_links_and_bytes(self):
        self.world.write("gone", "nothing like the others\n" * 3)
        self.world.write("script", "#!/bin/sh\n", 0o644)
        self.change("rm gone; chmod 755 script; ln -s script link; printf '\\000\\377' > binary; mkdir -p d/e; echo x > d/e/f")
        kinds = {item["path"]: item["kind"] for item in self.world.json("diff", "w")["files"]}
        self.assertEqual((kinds["gone"], kinds["script"], kinds["link"]), ("deleted", "mode_changed", "added"))
        self.world.ok("apply", "w")
        project = self.world.project
        self.assertFalse(os.path.exists(f"{project}/gone"))
        self.assertEqual(os.stat(f"{project}/script").st_mode & 0o777, 0o755)
        self.assertEqual(os.readlink(f"{project}/link"), "script")
        with open(f"{project}/binary", "rb") as file:
            self.assertEqual(file.read(), b"\0\xff")
        self.assertEqual((self.world.read("d/e/f"), os.stat(f"{project}/d/e/f").st_uid), ("x\n", os.geteuid()))

    def test_refuses_to_overwrite_what_the_host_changed_meanwhile(self):
        self.world.write("a.txt", "one\n")
        self.change("echo inside > a.txt")
        self.world.write("a.txt", "outside\n")
        result = self.world.cli("apply", "w")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"a.txt", result.stderr + result.stdout)
        self.assertEqual(self.world.read("a.txt"), "outside\n")

    def test_holds_back_what_the_host_would_run_by_itself(self):
        self.change("mkdir -p .vscode; echo '{}' > .vscode/tasks.json; echo export A=1 > .envrc; echo all: > Makefile")
        result = self.world.cli("apply", "w")
        self.assertIn(b".envrc", result.stdout + result.stderr)
        self.assertEqual((self.world.read(".envrc"), self.world.read(".vscode/tasks.json"), self.world.read("Makefile")), (None, None, "all:\n"))
        self.world.ok("apply", "w", "--accept", ".envrc")
        self.assertEqual(self.world.read(".envrc"), "export A=1\n")

    def test_applies_what_was_shown_and_nothing_that_came_after(self):
        self.world.ok("create", "--name", "w", "--", "sleep", "600")
        self.world.ok("start", "w")
        inside = lambda script: self.world.ok("exec", "w", "--", "sh", "-c", script)
        inside("echo shown > a.txt; echo other > b.txt")
        shown = self.world.json("diff", "w")["digest"]
        self.assertEqual(self.world.ok("diff", "w").splitlines()[-1], "digest: " + shown)
        part = self.world.json("diff", "w", "b.txt")["digest"]
        inside("echo evil! > a.txt")
        self.assert_refused(self.world.cli("apply", "w", "--digest", shown), "hydravisor diff", code=125)
        self.assertEqual(os.listdir(self.world.project), [])
        self.world.ok("apply", "w", "b.txt", "--digest", part)
        self.assertEqual((self.world.read("a.txt"), self.world.read("b.txt")), (None, "other\n"))
        self.assertIn("'w' still runs", self.world.ok("apply", "w"))
        inside("echo third > a.txt")
        again = self.world.json("diff", "w")["digest"]
        self.assertNotIn("still runs", self.world.ok("apply", "w", "a.txt", "--digest", again))
        self.assertEqual(self.world.read("a.txt"), "third\n")

    def test_never_follows_a_link_out(self):
        victim = os.path.join(self.world.directory("elsewhere"), "victim")
        with open(victim, "w", encoding="utf-8") as file:
            file.write("safe\n")
        self.change(f"ln -s {os.path.dirname(victim)} out; echo x > plain")
        self.world.cli("apply", "w")
        os.makedirs(f"{self.world.project}/sub")
        self.change("mkdir -p sub; echo evil > sub/victim", name="v")
        os.rmdir(f"{self.world.project}/sub")
        os.symlink(os.path.dirname(victim), f"{self.world.project}/sub")
        self.world.cli("apply", "v")
        with open(victim, encoding="utf-8") as file:
            self.assertEqual(file.read(), "safe\n")

    def save_by_rename(self, name, content):
        """As most editors save."""
        path = self.world.write(name + ".new", content)
        os.rename(path, f"{self.world.project}/{name}")

    def start_sleeper(self):
        self.world.ok("create", "--name", "w", "--", "sleep", "60")
        self.world.ok("start", "w")

    def inside(self, name):
        return self.world.ok("exec", "w", "--", "cat", name)

    def test_sees_edits_of_the_host_while_it_runs(self):
        self.world.write("a.txt", "old\n")
        self.start_sleeper()
        self.assertEqual(self.inside("a.txt"), "old\n")
        for text in ("new\n", "newer\n"):
            self.save_by_rename("a.txt", text)
            hydravisor.wait_for(lambda: self.inside("a.txt") == text, 3, "the host's new file inside")
        self.world.write("d/b.txt", "made\n")
        hydravisor.wait_for(lambda: self.inside("d/b.txt") == "made\n", 3, "the host's other new file inside")
        self.assertEqual(self.world.json("diff", "w")["files"], [])
        # The sandbox has seen the host's edit, so its own on top of it is no conflict.
        self.world.ok("exec", "w", "--", "sh", "-c", "echo inside >> a.txt")
        self.world.ok("apply", "w")
        self.assertEqual(self.world.read("a.txt"), "newer\ninside\n")

    def test_keeps_the_sandboxs_content_where_both_changed_a_file(self):
        self.world.write("a.txt", "old\n")
        self.start_sleeper()
        self.world.ok("exec", "w", "--", "sh", "-c", "echo inside > a.txt")
        self.save_by_rename("a.txt", "outside\n")
        told = hydravisor.wait_for(lambda: [event for event in self.events() if event["kind"] == "workspace.conflict"], 10, "the record of the conflict")
        self.assertEqual([event["payload"]["path"] for event in told], ["a.txt"])
        self.assertEqual(self.inside("a.txt"), "inside\n")
        self.assertEqual([bool(item.get("conflict")) for item in self.world.json("diff", "w")["files"]], [True])

    def events(self):
        return [json.loads(line) for line in self.world.ok("audit", "export", "--format", "jsonl").splitlines()]


class Git(hydravisor.TestCase):
    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.world.project, *arguments], env=self.world.env, capture_output=True, check=True).stdout.decode()

    def test_commits_made_inside_arrive_as_commits(self):
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "a@example.org")
        self.git("config", "user.name", "A")
        self.world.write("a.txt", "one\n")
        self.git("add", "a.txt")
        self.git("commit", "-q", "-m", "first")
        result = self.run_in_sandbox("sh", "-ec", "echo two > a.txt; git commit -q -a -m second", options=["--name", "w", "--keep"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.git("log", "--format=%s").split(), ["first"])
        self.world.ok("apply", "w")
        self.assertEqual(self.git("log", "--format=%s").split(), ["second", "first"])
        self.assertEqual((self.world.read("a.txt"), self.git("status", "--porcelain")), ("two\n", ""))


    def test_what_the_users_own_configuration_runs_is_held(self):
        self.git("init", "-q", "-b", "main")
        # As `git config --global` writes it, by way of a file that it includes.
        for name, text in ((".gitconfig", "[include]\n\tpath = ~/.config/more.cfg\n"), (".config/more.cfg", "[core]\n\thooksPath = hooks\n")):
            os.makedirs(os.path.join(self.world.home, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(self.world.home, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.run_in_sandbox("sh", "-ec", "mkdir hooks; echo evil > hooks/pre-commit; echo fine > a.txt", options=["--name", "w"])
        self.assertEqual(self.world.cli("apply", "w").returncode, 0)
        self.assertEqual((self.world.read("a.txt"), self.world.read("hooks/pre-commit")), ("fine\n", None))
        self.assertIn("hooks/pre-commit", self.world.ok("diff", "w"))
        os.unlink(os.path.join(self.world.home, ".gitconfig"))
        self.assertEqual(self.world.cli("apply", "w").returncode, 0)
        self.assertEqual(self.world.read("hooks/pre-commit"), "evil\n", "the control: nothing names it any more")

    def test_commits_with_what_the_host_runs_stay_until_it_is_accepted(self):
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "a@example.org")
        self.git("config", "user.name", "A")
        self.git("commit", "-q", "--allow-empty", "-m", "first")
        script = "echo evil > .envrc; git add .envrc; git commit -q -m second; rm .envrc; git commit -q -a -m third"
        self.run_in_sandbox("sh", "-ec", script, options=["--name", "w", "--keep"])
        self.assertIn("held back: .envrc: a commit of refs/heads/main contains it", self.world.ok("diff", "w"))
        refused = self.world.cli("apply", "w")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"hydravisor apply w --accept .envrc\n", refused.stdout)
        self.assertEqual(self.git("log", "--format=%s").split(), ["first"])
        self.assert_refused(self.world.cli("apply", "w", "--accept", "other"), "other")
        self.world.ok("apply", "w", "--accept", ".envrc")
        self.assertEqual(self.git("log", "--format=%s").split(), ["third", "second", "first"])


class Modes(hydravisor.TestCase):
    def test_ro_cannot_be_written(self):
        self.world.write("a.txt", "one\n")
        result = self.run_in_sandbox("sh", "-c", "cat a.txt; echo two > a.txt", options=["--workspace", "ro"])
        self.assertEqual(result.stdout, b"one\n")
        self.assertNotEqual(result.returncode, 0)

    def test_none_shows_nothing(self):
        path = self.world.write("a.txt", "one\n")
        self.assertNotEqual(self.run_in_sandbox("cat", path, options=["--workspace", "none"]).returncode, 0)

    def test_live_writes_through_and_undo_takes_it_back(self):
        self.world.write("a.txt", "one\n")
        result = self.run_in_sandbox("sh", "-c", "echo two > a.txt; echo new > b.txt", options=["--workspace", "live", "--name", "w", "--keep"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.world.read("a.txt"), self.world.read("b.txt")), ("two\n", "new\n"))
        self.world.ok("undo", "w")
        self.assertEqual((self.world.read("a.txt"), self.world.read("b.txt")), ("one\n", None))

    def live(self, script):
        """Runs a shell script in the live workspace and keeps the sandbox."""
        result = self.run_in_sandbox("sh", "-ec", script, options=["--workspace", "live", "--name", "w", "--keep"])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_live_undoes_renames_removals_and_writes_through_links(self):
        for name in ("d/one", "gone/two", "target"):
            self.world.write(name, name + "\n")
        os.symlink("target", f"{self.world.project}/link")
        self.live("mv d moved; echo x > moved/one; rm -r gone; echo through > link; chmod 700 target; mkdir -p new/deep; echo y > new/deep/f")
        kinds = {item["path"]: item["kind"] for item in self.world.json("diff", "w")["files"]}
        self.assertEqual((kinds["target"], kinds["gone/two"]), ("modified", "deleted"))
        self.world.ok("undo", "w")
        self.assertEqual([self.world.read(name) for name in ("d/one", "gone/two", "target")], ["d/one\n", "gone/two\n", "target\n"])
        self.assertEqual(sorted(os.listdir(self.world.project)), ["d", "gone", "link", "target"])
        self.assertEqual(os.stat(f"{self.world.project}/target").st_mode & 0o777, 0o644)

    def test_live_undoes_what_was_written_by_other_names(self):
        names = ("by_link", "by_number", "by_device", "by_root", "by_directory")
        for name in names:
            self.world.write(name, "mine\n")
        self.live("ln -s $PWD/by_link /tmp/outside; echo x > /tmp/outside;"
                  "exec 5<by_number; echo x > /proc/self/fd/5; exec 6<by_device; echo x > /dev/fd/6;"
                  "echo x > /proc/self/root$PWD/by_root; ln -s $PWD /tmp/here; rm /tmp/here/by_directory")
        self.assertEqual({item["path"] for item in self.world.json("diff", "w")["files"]}, set(names))
        self.world.ok("undo", "w")
        self.assertEqual([self.world.read(name) for name in names], ["mine\n"] * len(names))

    def test_live_undoes_what_was_written_after_an_undo(self):
        self.world.write("a.txt", "one\n")
        self.world.ok("create", "--workspace", "live", "--name", "w", "--", "sleep", "60")
        self.world.ok("start", "w")
        for text in ("two", "three"):
            self.world.ok("exec", "w", "--", "sh", "-c", f"echo {text} > a.txt")
            self.assertEqual(self.world.read("a.txt"), text + "\n")
            self.world.ok("undo", "w")
            self.assertEqual(self.world.read("a.txt"), "one\n")

    def test_live_covers_what_the_host_runs_by_itself(self):
        subprocess.run(["git", "init", "-q", self.world.project], env=self.world.env, check=True)
        self.world.write(".envrc", "mine\n")
        self.live("for f in .envrc .git/config .git/hooks/pre-commit; do if echo evil >> $f; then exit 1; fi; done 2>/dev/null;"
                  "mv .git other 2>/dev/null && exit 1; mv .envrc other 2>/dev/null && exit 1;"
                  "echo x > f; git add f; git -c user.name=A -c user.email=a@example.org commit -q -m one")
        self.assertEqual(self.world.read(".envrc"), "mine\n")
        log = subprocess.run(["git", "-C", self.world.project, "log", "--format=%s"], env=self.world.env, capture_output=True, check=True)
        self.assertEqual(log.stdout, b"one\n")
        self.assertIn(".vscode", self.world.ok("inspect", "w"))


if __name__ == "__main__":
    hydravisor.main()
