# as: user root
"""create, start, exec, stop, rm, ls, inspect, rename, wait, logs: each does what it says, and refuses what is not legal."""

import json
import os
import signal

import hydravisor


class LifeCycle(hydravisor.TestCase):
    def sleeper(self, name="s", *options):
        self.world.ok("create", "--name", name, *options, "--", "sleep", "600")
        self.world.ok("start", name)

    def state(self, name="s"):
        return self.world.json("inspect", name)["state"]

    def test_goes_from_created_to_running_to_stopped_to_nothing(self):
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.assertEqual(self.state(), "created")
        self.world.ok("start", "s")
        self.assertEqual(self.state(), "running")
        self.world.ok("stop", "s")
        self.assertEqual(self.state(), "stopped")
        self.world.ok("rm", "s")
        self.assertEqual(self.world.json("ls")["items"], [])

    def test_inspect_says_what_scripts_rely_on(self):
        self.sleeper("s", "--label", "team=blue")
        info = self.world.json("inspect", "s")
        self.assertEqual((info["name"], info["tier"], info["labels"]), ("s", "process", {"team": "blue"}))
        for key in ("id", "pid", "supervisor_pid", "limits", "isolation"):
            self.assertTrue(info[key], key)

    def test_a_stopped_sandbox_starts_again_with_its_files(self):
        self.sleeper()
        self.world.ok("exec", "s", "--", "sh", "-c", "echo kept > inside.txt")
        self.world.ok("stop", "s")
        self.world.ok("start", "s")
        self.assertEqual(self.world.ok("exec", "s", "--", "cat", "inside.txt"), "kept\n")

    def test_exec_returns_status_and_streams(self):
        self.sleeper()
        result = self.world.cli("exec", "s", "--", "sh", "-c", "cat; echo err >&2; exit 7", input=b"in")
        self.assertEqual((result.stdout, result.stderr, result.returncode), (b"in", b"err\n", 7))
        self.assert_refused(self.world.cli("exec", "s", "--", "no-such-command-anywhere"), "no-such-command", code=127)

    def test_exec_is_inside(self):
        self.sleeper()
        names = self.world.ok("exec", "s", "--", "sh", "-c", "cat /proc/[0-9]*/comm").split()
        self.assertIn("sleep", names)
        self.assertNotIn("hydravisord", names)
        status = self.world.ok("exec", "s", "--", "grep", "-E", "^(CapEff|NoNewPrivs|Seccomp):", "/proc/self/status")
        self.assertEqual(status.split(), ["CapEff:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"])

    def test_stop_waits_for_a_command_that_cleans_up(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "trap 'echo cleaned > done.txt; exit 0' TERM; while :; do sleep 0.05; done")
        self.world.ok("start", "s")
        self.world.ok("exec", "s", "--", "true")
        self.world.ok("stop", "s")
        self.assertEqual([item["path"] for item in self.world.json("diff", "s")["files"]], ["done.txt"])

    def test_rm_refuses_a_running_sandbox_unless_forced(self):
        self.sleeper()
        self.assert_refused(self.world.cli("rm", "s"), "running", "stop")
        self.world.ok("rm", "--force", "s")
        self.assertEqual(self.world.json("ls")["items"], [])

    def test_rm_survives_a_tree_that_no_path_can_name(self):
        # A thousand levels overflow nothing; tens of thousands did, and more descriptors than a process may have.
        self.world.ok("run", "--keep", "--name", "deep", "--fresh-home", "--", "perl", "-e",
                      "my $here = readlink '/proc/self/cwd'; for my $top ($ENV{HOME}, $here) { chdir $top; for (1..12000) { mkdir 'd' or die $!; chdir 'd' or die $! } chdir '/' }", timeout=240)
        daemon = self.world.daemon_pid()
        self.world.ok("rm", "--force", "deep", timeout=240)
        self.assertEqual(self.world.daemon_pid(), daemon, "the daemon that removed it still serves")
        self.assertEqual(self.world.sandboxes(), [])

    def test_rename_changes_the_name_only(self):
        self.sleeper()
        before = self.world.json("inspect", "s")["id"]
        self.world.ok("rename", "s", "other")
        self.assertEqual(self.world.json("inspect", "other")["id"], before)
        self.assertEqual(self.world.cli("inspect", "s").returncode != 0, True)

    def test_an_id_serves_as_a_name(self):
        self.sleeper()
        sandbox = self.world.json("inspect", "s")["id"]
        self.assertEqual(self.world.json("inspect", sandbox)["name"], "s")

    def test_wait_returns_the_commands_status(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "sleep 0.2; exit 9")
        self.world.ok("start", "s")
        self.assertEqual(self.world.cli("wait", "s").returncode, 9)
        self.assertEqual(self.world.cli("wait", "s").returncode, 9)

    def test_logs_hold_what_the_command_wrote(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "echo one; echo two >&2")
        self.world.ok("start", "s")
        self.world.cli("wait", "s")
        result = self.world.cli("logs", "s")
        self.assertEqual(sorted((result.stdout + result.stderr).split()), [b"one", b"two"])

    def test_logs_are_bounded_and_say_what_is_missing(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "echo first; head -c 60000000 /dev/zero | tr '\\0' x; echo last")
        self.world.ok("start", "s")
        self.world.ok("wait", "s")
        log = os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.sandboxes()[0], "log")
        self.assertLess(os.stat(log).st_blocks * 512, 32 << 20)
        text = self.world.ok("logs", "s")
        self.assertTrue(text.startswith("first\nxxx") and text.endswith("xxxlast\n"))
        self.assertRegex(text, r"\n\[hydravisor: [0-9]+ bytes of output were not kept\]\n")

    def test_failed_starts_of_programs_are_counted_when_there_are_many(self):
        script = "for (1..50000) { no warnings; exec {'/no/such/program'} 'x', 'a' x 4000 } print 'done'"
        self.world.ok("run", "--keep", "--name", "s", "--", "perl", "-e", script)
        spool = os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.sandboxes()[0], "spool")
        self.assertLess(os.stat(spool).st_size, 1 << 20)
        events = [json.loads(line) for line in self.world.ok("audit", "export", "--format", "jsonl").splitlines()]
        of_it = [event for event in events if "/no/such/program" == event["payload"].get("path")]
        self.assertEqual(sum(event["payload"].get("count", 1) for event in of_it), 50000)

    def test_logs_follow_until_the_end(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "echo one; sleep 0.3; echo two")
        self.world.ok("start", "s")
        self.assertEqual(self.world.ok("logs", "-f", "s", timeout=20), "one\ntwo\n")

    def test_ls_shows_each_with_its_state(self):
        self.sleeper("alive")
        self.world.ok("create", "--name", "idle", "--", "true")
        text = self.world.ok("ls")
        self.assertRegex(text, r"alive .*running")
        self.assertRegex(text, r"idle .*created")

    def test_the_supervisors_death_ends_the_sandbox(self):
        self.sleeper()
        info = self.world.json("inspect", "s")
        os.kill(info["supervisor_pid"], signal.SIGKILL)
        hydravisor.wait_for(lambda: self.state() == "stopped", 5, "the state stopped")
        hydravisor.wait_for(lambda: not hydravisor._read(f"/proc/{info['pid']}/cmdline"), 5, "the end of init")


class Together(hydravisor.TestCase):
    """What happens to a workspace while its sandbox is to start or to go."""

    COUNT = 1500

    def setUp(self):
        super().setUp()
        script = f"for i in $(seq {self.COUNT}); do echo $i > f$i; done"
        self.assertEqual(self.run_in_sandbox("sh", "-c", script, options=["--name", "s", "--keep"]).returncode, 0)

    def events(self):
        return [item["kind"] for item in self.world.json("audit", "ls", "--limit", "1000")["items"]]

    def begin_to_apply(self):
        applying = self.world.start_cli("apply", "s")
        hydravisor.wait_for(lambda: "workspace.applying" in self.events(), 20, "the beginning of apply")
        self.assertNotIn("workspace.applied", self.events(), "apply was too quick to be met")
        return applying

    def finish(self, applying):
        _, error = applying.communicate(timeout=120)
        self.assertEqual(applying.returncode, 0, error)
        self.assertEqual(len(os.listdir(self.world.project)), self.COUNT)

    def test_start_waits_for_an_apply_to_end(self):
        applying = self.begin_to_apply()
        self.world.ok("start", "s", timeout=120)
        self.finish(applying)
        kinds = self.events()
        last_start = len(kinds) - 1 - kinds[::-1].index("sandbox.starting")
        self.assertLess(kinds.index("workspace.applied"), last_start)

    def test_rm_waits_for_an_apply_to_end(self):
        applying = self.begin_to_apply()
        self.world.ok("rm", "--force", "s", timeout=120)
        self.finish(applying)
        kinds = self.events()
        self.assertLess(kinds.index("workspace.applied"), kinds.index("sandbox.removed"))


if __name__ == "__main__":
    hydravisor.main()
