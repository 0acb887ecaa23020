# as: user root
# timeout: 200
"""How processes ended, whoever started them: the status is the kernel's, each process is told of once, and the report shows what failed."""

import json
import os
import signal
import subprocess

import hydravisor

# A grandchild whose parent is gone; a first thread that goes before another ends the process; a shell's children.
TREE = r"""
/bin/true
/bin/false
sh -c 'exit 7'
sh -c 'kill -SEGV $$'
sh -c '/bin/sleep 0.2; exit 9' &
wait $!
(setsid sh -c '/bin/sleep 0.3; exit 11' &)
sh -c 'exec /bin/sh -c "exit 13"'
/no/such/program
sleep 1000 &
sleep 1
exit 3
"""

THREADS = r"""
#include <pthread.h>
#include <unistd.h>
#include <sys/syscall.h>
static void* last(void* unused) {
  usleep(100000);
  syscall(SYS_exit_group, 21);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, last, NULL);
  syscall(SYS_exit, 0);
}
"""


class Exits(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        check = {check["id"]: check for check in self.world.json("doctor")["checks"]}["exit-codes"]
        if check["status"] != "ok":
            hydravisor.skip_or_fail(check["detail"])

    def records(self, name):
        return [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", name, timeout=100).splitlines()]

    def ends(self, name):
        """Of each process its last command line and how it ended."""
        lines, ends = {}, {}
        for record in self.records(name):
            payload = record["payload"]
            if record["kind"] == "exec.started":
                lines[payload["pid"]] = " ".join(payload["arguments"])
            elif record["kind"] == "process.exited":
                self.assertEqual(record["trust"], "observed")
                for pid in payload.get("pids", [payload.get("pid")]):
                    self.assertNotIn(pid, ends)
                    ends[pid] = payload
            self.assertNotEqual(record["kind"], "process.unfollowed", record)
        self.assertEqual(set(lines), set(ends))
        return {lines[pid]: ends[pid] for pid in ends}

    def test_are_told_of_every_process_that_asked_to_run_a_program(self):
        result = self.run_in_sandbox("/usr/bin/sh", "-c", TREE, options=["--name", "t", "--keep"])
        self.assertEqual(result.returncode, 3, result.stderr)
        ends = self.ends("t")
        status = {line: end["status"] for line, end in ends.items()}
        self.assertEqual(status.pop("/usr/bin/sh -c " + TREE, None), 3, status)
        self.assertEqual(status, {"/bin/true": 0, "/bin/false": 1, "sh -c exit 7": 7, "sh -c kill -SEGV $$": 139,
                                  "sh -c /bin/sleep 0.2; exit 9": 9, "/bin/sleep 0.2": 0, "sh -c /bin/sleep 0.3; exit 11": 11, "/bin/sleep 0.3": 0,
                                  "/bin/sh -c exit 13": 13, "/no/such/program": 127, "sleep 1000": 128 + signal.SIGKILL, "sleep 1": 0})
        self.assertEqual(ends["sh -c kill -SEGV $$"]["signal"], "SIGSEGV")
        self.assertEqual(ends["sleep 1000"]["signal"], "SIGKILL")
        slept = ends["sleep 1"]
        self.assertTrue(slept["executable"].endswith("/sleep"), slept)
        self.assertTrue(1000 <= slept["milliseconds"] < 10000, slept)

    def test_are_the_last_threads_where_the_first_went_before(self):
        self.world.write("threads.c", THREADS)
        subprocess.run(["cc", "-pthread", "-o", "threads", "threads.c"], cwd=self.world.project, check=True)
        result = self.world.cli("run", "--name", "t", "--keep", "--", "sh", "-c", "./threads; exit $?", cwd=self.world.project)
        self.assertEqual(result.returncode, 21, result.stderr)
        self.assertIn(self.ends("t")["./threads"].get("status"), (21, None))

    def test_of_many_short_ones_are_few_events(self):
        self.run_in_sandbox("sh", "-c", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done", options=["--name", "t", "--keep"])
        exited = [record["payload"] for record in self.records("t") if record["kind"] == "process.exited"]
        self.assertEqual(sum(payload.get("count", 1) for payload in exited), 501)
        self.assertLess(len(exited), 250)

    def test_are_recorded_while_no_daemon_lives(self):
        self.world.ok("create", "--name", "t", "--", "sh", "-c", "sleep 2; /bin/false; sleep 1000")
        self.world.ok("start", "t")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        hydravisor.wait_for(lambda: any(end["status"] == 1 for end in self.settled("t")), 20, "the end of false")
        self.world.ok("kill", "t")

    def settled(self, name):
        return [record["payload"] for record in self.records(name) if record["kind"] == "process.exited"]

    def test_that_are_failures_stand_in_the_report(self):
        self.run_in_sandbox("sh", "-c", "/bin/false; /bin/ls /no/such/file; /bin/true good; exit 0", options=["--name", "t", "--keep"])
        self.world.ok("wait", "t")
        report = self.world.ok("audit", "report", "t")
        failed = report[report.index("What failed"):]
        self.assertIn("exit 2  /bin/ls /no/such/file", failed)
        self.assertIn("exit 1  /bin/false", failed)
        self.assertNotIn("/bin/true", failed)
        failed = self.world.json("audit", "report", "t")["failed_commands"]
        self.assertEqual([(one["command"], one["status"]) for one in failed], [(["/bin/false"], 1), (["/bin/ls", "/no/such/file"], 2)])


if __name__ == "__main__":
    hydravisor.main()
