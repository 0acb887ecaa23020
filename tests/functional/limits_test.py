# as: user root
# timeout: 600
"""What a sandbox may use up: each limit holds, its end is told and recorded, and the same program gets through without it."""

import json
import os
import re
import time

import hydravisor
import terminal

MIB = 1 << 20

FORK = r"""
use strict; my $n = 0;
for (1 .. 40) { my $pid = fork; if (!defined $pid) { print "refused after $n\n"; exit 7 } if (!$pid) { sleep 20; exit } $n++ }
print "all $n\n"; kill 'KILL', -1;
"""
OPEN = "my @f; while (@f < 400) { open my $f, '<', '/dev/null' or last; push @f, $f } print scalar(@f), \"\\n\""
EAT = "my $x = 'x' x (200 << 20); print length $x, \"\\n\""


def write_file(path, mebibytes, then="true"):
    return f"dd if=/dev/zero of={path} bs=1M count={mebibytes} status=none conv=fsync && echo written; {then}"


class Limits(hydravisor.TestCase):
    def events(self, kind):
        return [item["payload"] for item in self.world.json("audit", "ls", "--kind", kind)["items"]]

    def stopped(self):
        return self.events("sandbox.stopped")[-1]

    def run_limited(self, options, *command, **more):
        return self.run_in_sandbox(*command, options=options, **more)

    def needs(self, limit):
        """Skips where this machine gives the user no cgroup for it."""
        info = self.world.json("create", f"--{limit}", {"memory": "64MiB", "pids": "20", "io": "1MiB"}[limit], "--accept-unenforced")
        key = {"memory": "memory_bytes", "pids": "pids", "io": "io_bytes"}[limit]
        if not info["limits"]["enforced"][key]:
            hydravisor.skip_or_fail(info["limits"]["how"])


class Kernel(Limits):
    def test_memory_above_the_limit_ends_it_and_says_so(self):
        self.needs("memory")
        result = self.run_limited(["--memory", "64MiB"], "perl", "-e", EAT)
        self.assertEqual((result.stdout, result.returncode), (b"", 137))
        self.assertIn(b"it used more memory than its limit of 64 MiB", result.stderr)
        self.assertIn(b"--memory", result.stderr)
        self.assertEqual(self.stopped()["outcome"], "out_of_memory")
        self.assert_output(self.run_limited(["--memory", "1GiB"], "perl", "-e", EAT), f"{200 * MIB}\n")

    def test_memory_is_told_also_when_a_child_was_killed_for_it(self):
        self.needs("memory")
        script = f"perl -e '{EAT}'; echo on; exit 3"
        result = self.run_limited(["--memory", "64MiB"], "sh", "-c", script)
        self.assertEqual((result.stdout, result.returncode), (b"on\n", 3))
        self.assertIn(b"killed for memory, at the limit of 64 MiB", result.stderr)
        self.assertIn("killed for memory", self.stopped()["detail"])

    def test_processes_above_the_limit_are_refused_and_it_says_so(self):
        self.needs("pids")
        result = self.run_limited(["--pids", "20"], "perl", "-e", FORK)
        self.assertEqual(result.returncode, 7)
        self.assertRegex(result.stdout, rb"refused after 1\d")
        self.assertRegex(result.stderr, rb"refused a process or thread \d+ times?, at the limit of 20")
        self.assertIn("at the limit of 20", self.stopped()["detail"])
        free = self.run_limited(["--pids", "200"], "perl", "-e", FORK)
        self.assertIn(b"all 40", free.stdout)
        self.assertNotIn(b"limit of", free.stderr)

    def test_open_files_above_the_limit_are_refused_in_every_command(self):
        self.world.ok("create", "--name", "few", "--open-files", "64")
        self.world.ok("create", "--name", "many")
        for name in ("few", "many"):
            self.world.ok("start", name)
        count = int(self.world.ok("exec", "few", "--", "perl", "-e", OPEN))
        self.assertTrue(50 <= count <= 64, count)
        self.assertEqual(self.world.ok("exec", "many", "--", "perl", "-e", OPEN), "400\n")
        raised = self.world.cli("exec", "few", "--", "sh", "-c", "ulimit -n 400 && ulimit -n")
        self.assertNotEqual(raised.returncode, 0, raised.stdout)

    def test_open_files_hold_for_the_main_command_too(self):
        self.assert_output(self.run_limited(["--open-files", "100"], "sh", "-c", "ulimit -Hn; ulimit -Sn"), "100\n100\n")

    def test_io_is_slowed_to_the_limit(self):
        self.needs("io")
        size = 6
        def seconds(options):
            began = time.monotonic()
            result = self.run_limited(options, "sh", "-c", f"dd if=/dev/zero of=f bs=256k count={size * 4} oflag=direct status=none")
            self.assertEqual(result.returncode, 0, result.stderr)
            return time.monotonic() - began
        limited = seconds(["--io", "2MiB", "--fresh-home"])
        self.assertGreater(limited, size / 2 - 0.7)
        self.assertLess(seconds(["--fresh-home"]), size / 2 - 0.7, "a disk of this machine is quicker than that")

    def test_tmp_holds_no_more_than_the_policy_says(self):
        os.makedirs(os.path.join(self.world.env["XDG_CONFIG_HOME"], "hydravisor/policies"))
        with open(os.path.join(self.world.env["XDG_CONFIG_HOME"], "hydravisor/policies/small.toml"), "w", encoding="utf-8") as file:
            file.write('version = 1\n[limits]\ntmp = "8MiB"\n')
        for place in ("/tmp", "/dev/shm", "/run"):
            script = f"dd if=/dev/zero of={place}/f bs=1M count=20 status=none 2>/dev/null; stat -c %s {place}/f"
            self.assert_output(self.run_limited(["--policy", "small"], "sh", "-c", script), f"{8 * MIB}\n")
            self.assert_output(self.run_in_sandbox("sh", "-c", script), f"{20 * MIB}\n")
        files = "i=0; while [ $i -lt 5000 ] && true > /tmp/$i; do i=$((i+1)); done 2>/dev/null; echo $i"
        count = int(self.run_limited(["--policy", "small"], "sh", "-c", files).stdout)
        self.assertLess(count, 2100)
        self.assert_output(self.run_in_sandbox("sh", "-c", files), "5000\n")


class Disk(Limits):
    def overshoot(self):
        reached = [item for item in self.events("sandbox.limit_reached") if item["limit"] == "disk"]
        self.assertEqual(len(reached), 1)
        return reached[0]["overshoot_bytes"]

    def test_what_is_written_to_the_layer_above_the_limit_ends_it_and_inspect_states_the_overshoot(self):
        script = "while dd if=/dev/zero of=f bs=1M count=20 oflag=append conv=notrunc,fsync status=none; do sleep 0.05; done"
        result = self.run_limited(["--disk", "100MiB", "--name", "d"], "sh", "-c", script, timeout=120)
        self.assertEqual(result.returncode, 137, result.stderr)
        self.assertRegex(result.stderr, rb"had added .* where 100 MiB are allowed, \d+ bytes too many")
        outcome = self.world.json("inspect", "d")["outcome"]
        self.assertEqual(outcome["kind"], "out_of_disk")
        above = int(re.search(r"(\d+) bytes too many", outcome["detail"]).group(1))
        self.assertEqual(above, self.overshoot())
        size = os.stat(os.path.join(self.world.state, "hydravisor/sandboxes", self.world.sandboxes()[0], "workspace/upper/f")).st_blocks * 512
        self.assertLess(abs(size - 100 * MIB - above), MIB, "the overshoot is what is really there")

    def test_the_same_writes_get_through_without_the_limit(self):
        result = self.run_limited([], "sh", "-c", write_file("f", 130))
        self.assert_output(result, "written\n")
        result = self.run_limited(["--disk", "300MiB"], "sh", "-c", write_file("f", 130, "sleep 1"))
        self.assert_output(result, "written\n")

    def test_the_home_counts_from_the_start_on(self):
        first = self.run_in_sandbox("sh", "-c", write_file("$HOME/old", 60), options=["--workspace", "none"])
        self.assert_output(first, "written\n")
        more = self.run_limited(["--workspace", "none", "--disk", "50MiB"], "sh", "-c", write_file("$HOME/a", 20, "sleep 1"))
        self.assert_output(more, "written\n")
        result = self.run_limited(["--workspace", "none", "--disk", "50MiB"], "sh", "-c", write_file("$HOME/b", 80, "sleep 5"))
        self.assertEqual(result.returncode, 137)
        self.assertEqual(self.stopped()["outcome"], "out_of_disk")

    def test_a_directory_that_is_locked_hides_nothing(self):
        script = "mkdir deep; " + write_file("deep/f", 80, "chmod 000 deep; sleep 30")
        self.assertEqual(self.run_limited(["--disk", "40MiB"], "sh", "-c", script).returncode, 137)

    def test_a_removed_file_that_is_still_open_counts(self):
        script = "open my $f, '>', 'f'; unlink 'f'; $SIG{ALRM} = sub { print qq(kept\\n); exit }; alarm 8; for (1 .. 80) { syswrite $f, 'x' x (1 << 20) } sleep 30"
        self.assertEqual(self.run_limited(["--disk", "40MiB"], "perl", "-e", script).returncode, 137)
        self.assert_output(self.run_limited(["--disk", "200MiB"], "perl", "-e", script), "kept\n")

    def test_many_empty_files_count(self):
        script = "mkdir d; cd d; i=0; while [ $i -lt 30000 ]; do : > $i; i=$((i+1)); done; sleep 15"
        self.assertEqual(self.run_limited(["--disk", "2MiB"], "sh", "-c", script, timeout=120).returncode, 137)
        self.assertEqual(self.stopped()["outcome"], "out_of_disk")


class Time(Limits):
    def test_wall_time_warns_and_then_ends(self):
        began = time.monotonic()
        result = self.run_limited(["--wall", "3s"], "sleep", "60")
        self.assertLess(time.monotonic() - began, 12)
        self.assertGreater(time.monotonic() - began, 2.5)
        self.assertEqual(result.returncode, 143)
        warning, end = result.stderr.decode().splitlines()[:2]
        self.assertIn("is ended in", warning)
        self.assertIn("hydravisor extend", warning)
        self.assertIn("its wall time of 3s was over", end)
        self.assertEqual(self.stopped()["outcome"], "out_of_time")
        self.assertEqual(self.events("sandbox.limit_near")[0]["limit"], "wall")
        self.assert_output(self.run_limited(["--wall", "20s"], "sleep", "4"), "")

    def test_a_command_that_cleans_up_still_ends_with_the_limits_status(self):
        result = self.run_limited(["--wall", "1s"], "sh", "-c", "trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.05; done")
        self.assertEqual((result.stdout, result.returncode), (b"cleaned\n", 143))

    def test_a_command_that_ignores_the_end_is_killed(self):
        began = time.monotonic()
        result = self.run_limited(["--wall", "1s"], "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
        self.assertEqual(result.returncode, 137)
        self.assertLess(time.monotonic() - began, 25)

    def test_idle_time_ends_what_says_nothing_and_only_that(self):
        result = self.run_limited(["--idle", "2s"], "sleep", "60")
        self.assertEqual(result.returncode, 143)
        self.assertIn(b"it had been idle for 2s", result.stderr)
        self.assertEqual(self.stopped()["outcome"], "idle")
        busy = "$| = 1; for (1 .. 8) { print qq(x\\n); select undef, undef, undef, 0.6 }"
        result = self.run_limited(["--idle", "2s"], "perl", "-e", busy)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_new_command_inside_is_activity_without_a_word(self):
        result = self.run_limited(["--idle", "2s"], "sh", "-c", "for i in 1 2 3 4; do sleep 1; done")
        self.assert_output(result, "")

    def test_extend_moves_the_end(self):
        self.world.ok("create", "--name", "s", "--wall", "3s", "--", "sleep", "60")
        self.world.ok("start", "s")
        began = time.monotonic()
        self.world.ok("extend", "s", "4s")
        self.assertEqual(self.world.json("inspect", "s")["limits"]["extended_millis"], 4000)
        self.assertEqual(self.world.cli("wait", "s").returncode, 143)
        self.assertGreater(time.monotonic() - began, 6)
        self.assertEqual(self.events("sandbox.extended")[0]["by_ms"], 4000)

    def test_extend_refuses_what_has_no_end_and_what_does_not_run(self):
        self.world.ok("create", "--name", "endless", "--", "sleep", "60")
        self.world.ok("start", "endless")
        self.assert_refused(self.world.cli("extend", "endless", "1h"), "no limit of time")
        self.world.ok("create", "--name", "still", "--wall", "1h", "--", "true")
        self.assert_refused(self.world.cli("extend", "still", "1h"), "created")
        self.assert_refused(self.world.cli("extend", "still", "soon"), "soon", "30m", code=2)

    def test_a_paused_sandbox_uses_up_no_time(self):
        self.world.ok("create", "--name", "s", "--wall", "3s", "--", "sleep", "60")
        self.world.ok("start", "s")
        paused = self.world.cli("pause", "s")
        if paused.returncode != 0:
            hydravisor.skip_or_fail(paused.stderr.decode())
        time.sleep(4)
        self.assertEqual(self.world.json("inspect", "s")["state"], "paused")
        self.assert_refused(self.world.cli("exec", "s", "--", "true"), "is paused", "hydravisor resume s")
        self.world.ok("resume", "s")
        self.assertEqual(self.world.cli("wait", "s").returncode, 143)

    def test_limits_hold_without_a_daemon(self):
        self.world.ok("create", "--name", "s", "--wall", "2s", "--", "sleep", "60")
        self.world.ok("start", "s")
        self.world.stop_daemon()
        time.sleep(3)
        self.assertEqual(self.world.json("inspect", "s")["outcome"]["kind"], "out_of_time")

    def test_a_limit_counts_anew_after_a_new_start(self):
        self.world.ok("create", "--name", "s", "--wall", "2s", "--", "sleep", "60")
        for _ in range(2):
            self.world.ok("start", "s")
            self.assertEqual(self.world.cli("wait", "s").returncode, 143)


class Usage(Limits):
    def start(self, name, *command):
        self.world.ok("create", "--name", name, "--", *command)
        self.world.ok("start", name)

    def test_top_tells_the_busy_one_from_the_idle_one(self):
        self.start("busy", "perl", "-e", "1 while 1")
        self.start("idle", "sleep", "60")
        self.world.write("empty", "")
        lines = self.world.ok("top", "--once", "--interval", "500ms").splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "STATE", "CPU", "MEMORY", "IO", "PROCESSES", "DISK"])
        self.assertEqual([line.split()[0] for line in lines[1:]], ["busy", "idle"])
        if "-" == lines[1].split()[2]:
            hydravisor.skip_or_fail("nothing counts processor time for this user")
        # Others may need the processors too: it is not said how busy.
        busy, idle = (float(line.split()[2].rstrip("%")) for line in lines[1:])
        self.assertGreater(busy, 2 + 5 * idle)

    def test_samples_come_as_events_and_see_what_starts_and_ends(self):
        self.start("one", "sh", "-c", "dd if=/dev/zero of=f bs=1M count=3 status=none; sleep 60")
        top = self.world.start_cli("top", "--json", "--interval", "200ms")
        try:
            names = lambda: [item["name"] for item in json.loads(top.stdout.readline())["sandboxes"]]
            self.assertEqual(names(), ["one"])
            self.start("two", "sleep", "60")
            hydravisor.wait_for(lambda: names() == ["one", "two"], 10, "a sample with both")
            self.world.ok("stop", "--grace", "0s", "one")
            hydravisor.wait_for(lambda: names() == ["two"], 10, "a sample without the one that ended")
        finally:
            top.terminate()
            top.communicate()

    def test_disks_are_counted_while_somebody_watches(self):
        self.start("one", "sh", "-c", "dd if=/dev/zero of=f bs=1M count=3 status=none; sleep 60")
        top = self.world.start_cli("top", "--json", "--interval", "100ms")
        try:
            bytes_of = lambda: json.loads(top.stdout.readline())["sandboxes"][0]["stats"].get("workspace_bytes", 0)
            size = hydravisor.wait_for(lambda: (size := bytes_of()) >= 3 * MIB and size, 10, "the size of the layer")
            self.assertLess(size, 4 * MIB)
        finally:
            top.terminate()
            top.communicate()

    def test_top_draws_in_place_sorts_by_key_and_ends_with_q(self):
        self.start("one", "sleep", "60")
        screen = terminal.Terminal([hydravisor.CLI, "top", "--interval", "200ms"], self.world.env, self.world.project)
        self.addCleanup(screen.close)
        before = screen.settings()
        screen.expect(r"\x1b\[\?1049h")
        screen.expect("1 running")
        screen.expect("one")
        screen.type("m")
        screen.expect(r"(?s)\x1b\[H.*?one")
        screen.type("q")
        self.assertEqual(screen.end(), 0)
        self.assertTrue(screen.shown.endswith(b"\x1b[?1049l"), "the screen of before comes back")
        self.assertEqual(screen.settings(), before)

    def test_stats_shows_one(self):
        self.start("one", "sleep", "60")
        self.assertIn("one", self.world.ok("stats"))
        stats = self.world.json("stats", "one")["items"][0]
        self.assertEqual(stats["name"], "one")


class Refused(Limits):
    def test_zero_and_nonsense_with_the_option_and_an_example(self):
        for option, bad, example in (("disk", "0", "10GiB"), ("disk", "much", "10GiB"), ("disk", "-1GiB", "10GiB"),
                                     ("wall", "0", "2h"), ("wall", "5 parsecs", "2h"), ("idle", "0s", "30m"), ("idle", "999999d", "30m"),
                                     ("open-files", "0", "32"), ("open-files", "lots", "32"), ("io", "1B", "50MiB"), ("memory", "0", "2GiB")):
            for command in ("run", "create"):
                result = self.world.cli(command, f"--{option}={bad}", "--", "true")
                self.assert_refused(result, f"--{option}", bad, example, code=125 if command == "run" else 2)

    def test_a_policy_names_file_line_and_key(self):
        os.makedirs(os.path.join(self.world.env["XDG_CONFIG_HOME"], "hydravisor/policies"))
        with open(os.path.join(self.world.env["XDG_CONFIG_HOME"], "hydravisor/policies/bad.toml"), "w", encoding="utf-8") as file:
            file.write('version = 1\n[limits]\nwall = "0s"\ndisk = "tiny"\nopen_files = 1\n')
        result = self.run_limited(["--policy", "bad"], "true")
        self.assert_refused(result, "bad.toml:3:", "limits.wall", "bad.toml:4:", "limits.disk", "bad.toml:5:", "limits.open_files")

    def test_what_is_above_the_machines_is_said_not_to_bind(self):
        info = self.world.json("create", "--memory", "1000TiB", "--cpus", "4000", "--accept-unenforced")
        self.assertEqual(sum("does not bind" in line for line in info["isolation"]["degraded"]), 2)


if __name__ == "__main__":
    hydravisor.main()
