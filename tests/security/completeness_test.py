# labels: security slow
# as: root
# timeout: 900
"""The ledger against ground truth: strace attached from outside sees every execve, and a look from inside at every file before and after
sees what changed. Every exec and every changed file has to be in the ledger, whoever wrote it and however.

COMPLETENESS_FIGURES=1 prints the figures that docs/events.md has.
"""

import collections
import json
import os
import re
import signal
import subprocess
import sys
import time

import hydravisor

# What lies in the workspace as a program inside sees it: path, kind, mode and content of everything.
LOOK = r"""
import hashlib, json, os, stat, sys
found = {}
for folder, names, files in os.walk("."):
    for name in names + files:
        path = os.path.normpath(os.path.join(folder, name))
        about = os.lstat(path)
        what = [stat.S_IFMT(about.st_mode), stat.S_IMODE(about.st_mode)]
        if stat.S_ISREG(about.st_mode):
            with open(path, "rb") as file:
                what.append(hashlib.sha256(file.read()).hexdigest())
        elif stat.S_ISLNK(about.st_mode):
            what.append(os.readlink(path))
        found[path] = what
json.dump(found, sys.stdout)
"""

# Tells the supervisor one program and lets the kernel start another; says which ones ran.
FORGER = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile char* path;
static void* flip(void* unused) {
  for (;;) {
    path[4] = '1';
    path[4] = '2';
  }
  return unused;
}
int main(void) {
  path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  strcpy((char*)path, "./no1");
  pthread_t thread;
  pthread_create(&thread, NULL, flip, NULL);
  int ran[2] = {0, 0};
  for (int i = 0; i < 100; ++i) {
    pid_t child = fork();
    if (child == 0) {
      char* arguments[] = {"innocent", "0.1", NULL};
      execve((char*)path, arguments, NULL);
      _exit(127);
    }
    char name[64], target[4096] = "";
    snprintf(name, sizeof name, "/proc/%d/exe", child);
    /* On a busy machine it takes a while until it runs; then it lives for a tenth of a second. */
    for (int look = 0; look < 400 && !strstr(target, "/no"); ++look) {
      usleep(5000);
      ssize_t size = readlink(name, target, sizeof target - 1);
      target[size < 0 ? 0 : size] = 0;
    }
    if (strstr(target, "/no1")) ++ran[0];
    if (strstr(target, "/no2")) ++ran[1];
    waitpid(child, NULL, 0);
  }
  printf("%d %d\n", ran[0], ran[1]);
  return 0;
}
"""

BOMB = r"""
import os
ran = 0
for _ in range(6):
    children = []
    while True:
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            try:
                os.execv("/bin/sleep", ["sleep", "0.2"])
            finally:
                os._exit(1)
        children.append(child)
    ran += len(children)
    for child in children:
        os.waitpid(child, 0)
print(ran)
"""

MAPPER = r"""
import mmap, os
for number in range(50):
    with open(f"mapped{number}", "r+b") as file:
        with mmap.mmap(file.fileno(), 4096) as memory:
            memory[100:104] = b"gone"
        os.utime(file.fileno(), ns=(10**18, 10**18))
"""


class Completeness(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        if not any(os.access(f"{folder}/strace", os.X_OK) for folder in os.environ["PATH"].split(":")):
            hydravisor.skip_or_fail("strace is not installed")
        self.world.write("look.py", LOOK)
        self.exits_are_known = {check["id"]: check for check in self.world.json("doctor")["checks"]}["exit-codes"]["status"] == "ok"

    def inside(self, *command, timeout=600):
        result = self.world.cli("exec", "c", "--", *command, timeout=timeout)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace")[-2000:])
        return result.stdout.decode()

    def begin(self, *options):
        self.world.ok("create", "--name", "c", *options, "--", "sleep", "1000000")
        self.world.ok("start", "c")

    def trace(self, *command):
        """Runs a command inside under strace from outside; how often each path was given to execve, the ends of those processes, and the output."""
        log = os.path.join(self.world.top, "strace.log")
        init = self.world.json("inspect", "c")["pid"]
        with subprocess.Popen(["strace", "-f", "-q", "-e", "trace=execve,execveat", "-e", "signal=none", "-s", "4096", "-o", log, "-p", str(init)],
                              stderr=subprocess.PIPE) as tracer:
            try:
                hydravisor.wait_for(lambda: f"TracerPid:\t{tracer.pid}\n" in hydravisor._read(f"/proc/{init}/status"), 10, "strace's attachment")
                output = self.inside(*command)
                time.sleep(0.5)
            finally:
                tracer.send_signal(signal.SIGINT)
        counts, asked, ends = collections.Counter(), set(), {}
        with open(log, encoding="utf-8", errors="replace") as file:
            for line in file:
                pid = int(line.split(" ", 1)[0])
                if found := re.search(r' execve\("((?:[^"\\]|\\.)*)"', line):
                    counts[found.group(1)] += 1
                    asked.add(pid)
                elif found := re.search(r" \+\+\+ exited with (\d+) \+\+\+", line):
                    ends[pid] = int(found.group(1))
                elif found := re.search(r" \+\+\+ killed by (SIG\w+)", line):
                    ends[pid] = 128 + signal.Signals[found.group(1)]
        return counts, {pid: ends[pid] for pid in asked if pid in ends}, output

    def records(self):
        return [json.loads(line) for line in self.world.ok("audit", "export", "--sandbox", "c", timeout=300).splitlines()]

    def recorded_execs(self, since):
        """Paths of exec.started and exec.repeated after a record, and how many programs were seen running."""
        counts, seen = collections.Counter(), collections.Counter()
        for record in self.records():
            if record["index"] <= since:
                continue
            payload = record["payload"]
            if record["kind"] == "exec.started":
                self.assertEqual(record["trust"], "claimed")
                counts[payload["path"]] += 1
            elif record["kind"] == "exec.repeated":
                counts[payload["path"]] += payload["count"]
            elif record["kind"] == "exec.observed":
                self.assertEqual(record["trust"], "observed")
                seen[payload["executable"]] += 1
        return counts, seen

    def recorded_ends(self, since):
        """How each process ended, by its number, and how many events said so."""
        ends, events = {}, 0
        for record in self.records():
            if record["index"] <= since or record["kind"] != "process.exited":
                self.assertNotEqual(record["kind"], "process.unfollowed", record)
                continue
            self.assertEqual(record["trust"], "observed")
            payload, events = record["payload"], events + 1
            for pid in payload.get("pids", [payload.get("pid")]):
                self.assertNotIn(pid, ends)
                ends[pid] = payload.get("status", "unknown")
        return ends, events

    def settled(self):
        """The last index once the daemon has read all that the supervisor wrote."""
        last = -1
        while True:
            time.sleep(1.2)  # what was only counted is written after a second
            now = self.records()[-1]["index"]
            if now == last:
                return now
            last = now

    def workload(self, title, *command, options=(), exact=True):
        """Runs it under strace, compares execs and files, prints the figures; (what strace saw, what was seen running, output)."""
        self.begin(*options)
        before = json.loads(self.inside("python3", "look.py"))
        since = self.settled()
        truth, ended, output = self.trace(*command)
        self.settled()
        recorded, seen = self.recorded_execs(since)
        ends, end_events = self.recorded_ends(since)
        after = json.loads(self.inside("python3", "look.py"))
        self.world.ok("stop", "c")
        missing = truth - recorded
        if exact:
            self.assertEqual((dict(missing), dict(recorded - truth)), ({}, {}), title)
        if self.exits_are_known:
            self.assertEqual({pid: ends.get(pid) for pid in ended}, ended, f"{title}: how they ended")
            self.assertEqual(set(ends) - set(ended), set(), f"{title}: ends of what never ended")
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        told = self.files_told()
        self.assertEqual(told - changed, set(), f"{title}: told of what did not change")
        self.assertEqual(changed - told, set(), f"{title}: changed and not told")
        if os.environ.get("COMPLETENESS_FIGURES"):
            print(f"| {title} | {sum(recorded.values())} of {sum(truth.values())} | {sum(seen.values())} | "
                  f"{sum(ends.get(pid) == status for pid, status in ended.items())} of {len(ended)}, in {end_events} events | "
                  f"{len(told & changed)} of {len(changed)} |",
                  file=sys.stderr)
        return truth, seen, output

    def files_told(self):
        sandbox = self.world.json("inspect", "c")["id"]
        due = f"{self.world.state}/hydravisor/sandboxes/{sandbox}/workspace/files.due"
        hydravisor.wait_for(lambda: not os.path.exists(due), 120, "the record of files")
        told = set()
        for record in self.records():
            if not record["kind"].startswith("file.") or "while_running" in record["payload"]:
                continue
            self.assertEqual(record["trust"], "observed")
            payload = record["payload"]
            paths = payload["paths"] if "count" in payload else [payload["path"], *([payload["old_path"]] if "old_path" in payload else [])]
            self.assertTrue(paths, "a fold without names")
            told.update(os.path.relpath(path, self.world.project) for path in paths)
        return told

    def compile(self, name, source):
        self.world.write(f"{name}.c", source)
        subprocess.run(["cc", "-O1", "-pthread", "-o", name, f"{name}.c"], cwd=self.world.project, check=True)

    def test_a_clone_and_a_build(self):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "safe.directory=*"]
        repository = self.world.directory("project/origin")
        for number in range(12):
            self.world.write(f"origin/part{number}.c", f"int part{number}(int x) {{ return x * {number}; }}\n")
        self.world.write("origin/main.c", "int main(void) { return 0; }\n")
        objects = " ".join(["main.o"] + [f"part{number}.o" for number in range(12)])
        self.world.write("origin/Makefile", f"program: {objects}\n\tcc -o $@ $^\n")
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
            subprocess.run([*git, *arguments], cwd=repository, check=True)
        self.workload("clone and build of a small C project, two jobs", "sh", "-ec",
                      "git -c safe.directory='*' clone -q --no-hardlinks ./origin work && make -s -j2 -C work")

    def test_npm_install_of_a_local_package(self):
        if not any(os.access(f"{folder}/npm", os.X_OK) for folder in self.world.env["PATH"].split(":")):
            hydravisor.skip_or_fail("npm is not installed")
        self.world.write("tool/package.json", json.dumps({"name": "tool", "version": "1.0.0", "bin": {"tool": "run.js"},
                                                          "scripts": {"postinstall": "node -e \"require('fs').writeFileSync('built', 'x')\""}}))
        self.world.write("tool/run.js", "#!/usr/bin/env node\nconsole.log(1)\n", 0o755)
        for number in range(40):
            self.world.write(f"tool/lib/m{number}.js", f"module.exports = {number}\n")
        self.world.write("app/package.json", json.dumps({"name": "app", "version": "1.0.0"}))
        self.workload("npm install of a local package", "sh", "-ec",
                      "cd app && npm install --offline --no-audit --no-fund --install-links --cache ../cache ../tool >/dev/null")

    def test_five_thousand_commands(self):
        truth, _, _ = self.workload("5,000 commands in a loop", "sh", "-ec", "i=0; while [ $i -lt 5000 ]; do /bin/true $i; i=$((i+1)); done")
        self.assertEqual(truth["/bin/true"], 5000)

    def test_a_fork_bomb_under_limits(self):
        self.world.write("bomb.py", BOMB)
        truth, _, output = self.workload("a fork bomb at a limit of 64 processes", "python3", "bomb.py", options=("--pids", "64"))
        self.assertEqual(truth["/bin/sleep"], int(output))
        self.assertGreater(int(output), 100)

    def test_a_writer_by_mapping_only(self):
        self.world.write("mapper.py", MAPPER)
        for number in range(50):
            self.world.write(f"mapped{number}", b"x" * 4096)
        self.workload("a writer by mmap only, times set back", "python3", "mapper.py")

    def test_a_forger_of_arguments(self):
        self.compile("forger", FORGER)
        for name in ("no1", "no2"):
            subprocess.run(["cp", "/bin/sleep", f"{self.world.project}/{name}"], check=True)
        self.begin()
        since = self.settled()
        ran = dict(zip(("no1", "no2"), map(int, self.inside("./forger").split())))
        self.settled()
        claimed, seen = self.recorded_execs(since)
        self.world.ok("stop", "c")
        # What it claimed may be anything; what ran is what the kernel shows, each time.
        self.assertEqual({name: seen[f"{self.world.project}/{name}"] for name in ran}, ran)
        self.assertEqual(sum(count for path, count in claimed.items() if path.startswith("./") and path != "./forger"), 100)
        if os.environ.get("COMPLETENESS_FIGURES"):
            print(f"| a forger of arguments | claimed {dict(claimed)} | ran {ran} | {sum(ran.values())} seen |", file=sys.stderr)


if __name__ == "__main__":
    hydravisor.main()
