#!/usr/bin/python3
"""The daemon under load: many sandboxes start programs as fast as they can, or at a pace. What an event costs the daemon, what it
costs the program that waits for its record, and how long until it is on the disk.

usage: bench/ledger_load.py [sandboxes] [seconds of each load] [microseconds between a sandbox's programs, 0 for none...]

The processor's time is what the kernel counted for the daemon, all threads and the index included. The delay is that of a call of
execve(2) that fails for want of the file: the kernel stops it, the supervisor records it and lets it go on. Where there are more programs
that want to run than processors, both wait for a processor as well, which is no work of ours; so does everything when others use the
machine. That is why each figure is also given for the best of its windows, and beside it what two processes in a sandbox take that
wait for each other at the same time. When a write of the journal is on the disk is noted in the daemon itself, by a library that stands
before the C library's pwrite and fdatasync: a tracer would keep the daemon from running beside so many.
"""

import glob
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time

import lib  # noqa: F401  (sets the path to the harness)
import hydravisor

# Starts programs until it is ended: argv[1] microseconds apart, 0 for as fast as it can.
SPAWNER = r"""
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
int main(int argc, char** argv) {
  for (;;) {
    pid_t pid;
    char* const arguments[] = {"/bin/true", NULL};
    int status;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) return 1;
    if (argc > 1 && atoi(argv[1]) > 0) usleep(atoi(argv[1]));
  }
}
"""
# Times argv[1] calls of execve, argv[2] microseconds apart: nanoseconds, a line each.
PROBE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char** argv) {
  (void)argc;
  char* const nothing[] = {"x", NULL};
  for (long i = 0; i < atol(argv[1]); ++i) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    execve("/nowhere/at/all", nothing, nothing);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
    usleep(atoi(argv[2]));
  }
}
"""
# The same for a byte that another process sends back: what the machine alone makes of two that wait for each other.
CONTROL = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char** argv) {
  (void)argc;
  int ends[2];
  char byte = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  if (fork() == 0) {
    close(ends[0]);
    while (read(ends[1], &byte, 1) == 1 && write(ends[1], &byte, 1) == 1) continue;
    return 0;
  }
  close(ends[1]);
  for (long i = 0; i < atol(argv[1]); ++i) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) return 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
    usleep(atoi(argv[2]));
  }
}
"""
# Notes when each write of the journal, and each wait for the disk, began and ended: 1 or 2, and nanoseconds, in a file that it shares.
WITNESS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
enum { kMost = 1 << 20 };
struct note { uint64_t what, begin, end; };
static struct { _Atomic uint64_t count; struct note notes[kMost]; }* shared;
static int journal = -1;
static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
static void take(uint64_t what, uint64_t begin) {
  uint64_t place = shared != NULL ? atomic_fetch_add(&shared->count, 1) : kMost;
  if (place < kMost) shared->notes[place] = (struct note){what, begin, now()};
}
__attribute__((constructor)) static void open_notes(void) {
  int file = open(NOTES, O_RDWR | O_CREAT, 0600);
  if (ftruncate(file, sizeof *shared) != 0) return;
  void* memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  shared = memory == MAP_FAILED ? NULL : memory;
  close(file);
}
static int is_journal(int file) {
  char link[64], name[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t size = readlink(link, name, sizeof name);
  return size > 8 && memcmp(name + size - 8, ".journal", 8) == 0;
}
ssize_t pwrite64(int file, const void* data, size_t size, off_t offset) {
  ssize_t (*real)(int, const void*, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite64");
  uint64_t begin = now();
  ssize_t written = real(file, data, size, offset);
  if (file != journal && is_journal(file)) journal = file;
  if (file == journal) take(1, begin);
  return written;
}
ssize_t pwrite(int file, const void* data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }
int fdatasync(int file) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  uint64_t begin = now();
  int result = real(file);
  if (file == journal) take(2, begin);
  return result;
}
"""
WINDOW = 500


def compiled(world, name, source):
    path = os.path.join(world.project, name)
    with open(path + ".c", "w", encoding="utf-8") as file:
        file.write(source)
    subprocess.run(["clang-22", "-O2", "-o", path, path + ".c"], check=True)
    return path


def processor_seconds(pid):
    """What the scheduler counted, in nanoseconds; the threads of the daemon live as long as it does."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def by_window(values, size=WINDOW):
    """(p50, p95, p99, the best window's p99) in the unit given."""
    windows = [values[i:i + size] for i in range(0, len(values) - size + 1, size)] or [values]
    return (*(percentile(values, share) for share in (0.5, 0.95, 0.99)), min(percentile(window, 0.99) for window in windows))


def watch_journal(world):
    """From now on the commands are copies whose daemon is watched; returns the file that it writes to."""
    programs, notes = world.directory("programs"), os.path.join(world.top, "journal.notes")
    for name in os.listdir(hydravisor.BIN):
        if name.startswith("hydravisor"):
            shutil.copy2(os.path.join(hydravisor.BIN, name), programs)
    daemon, library = os.path.join(programs, "hydravisord"), os.path.join(programs, "witness.so")
    with open(library + ".c", "w", encoding="utf-8") as file:
        file.write(WITNESS)
    subprocess.run(["clang-22", "-O2", "-shared", "-fPIC", f'-DNOTES="{notes}"', "-o", library, library + ".c"], check=True)
    os.rename(daemon, daemon + ".watched")
    with open(daemon, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec env LD_PRELOAD={library} {daemon}.watched "$@"\n')
    os.chmod(daemon, 0o755)
    hydravisor.CLI = os.path.join(programs, "hydravisor")
    return notes


def durable_delays(notes, seconds):
    """Milliseconds from the end of each write of the journal to the end of the next fdatasync that began after it."""
    with open(notes, "rb") as file:
        first = struct.unpack("Q", file.read(8))[0]
        time.sleep(seconds)
        file.seek(0)
        last = struct.unpack("Q", file.read(8))[0]
        file.seek(8 + 24 * first)
        noted = list(struct.iter_unpack("QQQ", file.read(24 * (last - first))))
    writes = sorted(end for what, _, end in noted if what == 1)
    syncs = sorted((begin, end) for what, begin, end in noted if what == 2)
    delays, at = [], 0
    for written in writes:
        while at < len(syncs) and syncs[at][0] < written:
            at += 1
        if at < len(syncs):
            delays.append((syncs[at][1] - written) / 1e6)
    return delays


def recorded(world):
    return world.json("audit", "verify", "--since-last")["entries"]


def run(world, notes, spawner, probe, control, sandboxes, seconds, pace):
    names = [f"load-{pace}-{i}" for i in range(sandboxes)]
    for name in names:
        world.ok("create", "--name", name, "--workspace", "none", "--", spawner, str(pace))
        world.ok("start", name)
    pid = world.daemon_pid()
    time.sleep(1)
    # First what nobody watches: the daemon's time, and the delay to a program in a sandbox of its own.
    costs = []
    times = [str(max(WINDOW, int(seconds * 400))), "1000"]
    # Both in a sandbox: the scheduler treats what is in a group of its own another way.
    watcher, beside = (subprocess.Popen([hydravisor.CLI, "run", "--workspace", "none", "--", program, *times], env=world.env, cwd=world.project,
                                        stdout=subprocess.PIPE) for program in (probe, control))
    for _ in range(max(3, seconds // 5)):
        events, used = recorded(world), processor_seconds(pid)
        time.sleep(5)
        # The verification itself is not an event's cost.
        spent = processor_seconds(pid) - used
        events = recorded(world) - events
        costs.append((spent / events * 1e6, events / 5))
    delays, others = ([int(line) / 1000 for line in process.communicate()[0].split()] for process in (watcher, beside))
    syncs = durable_delays(notes, seconds)
    for name in names:
        world.ok("rm", "--force", name)
    each = [cost for cost, _ in costs]
    rate = statistics.median(rate for _, rate in costs)
    how = "as fast as they can" if pace == 0 else f"every {pace / 1000:.0f} ms"
    print(f"\n{sandboxes} sandboxes start programs {how}: {rate:.0f} events/s")
    print(f"  daemon's processor time     {statistics.median(each):8.2f} microseconds an event, best window {min(each):.2f} (target 5)")
    p50, p95, p99, best = by_window(delays)
    print(f"  delay of a stopped call     {p50:8.0f} microseconds at p50, {p95:.0f} at p95, {p99:.0f} at p99, best window's p99 {best:.0f} (target 200), n {len(delays)}")
    p50, p95, p99, best = by_window(others)
    print(f"  two processes, same place   {p50:8.0f} microseconds at p50, {p95:.0f} at p95, {p99:.0f} at p99, best window's p99 {best:.0f}")
    if syncs:
        p50, p95, p99, best = by_window(syncs)
        print(f"  written until on the disk   {p50:8.2f} ms at p50, {p95:.2f} at p95, {p99:.2f} at p99, best window's p99 {best:.2f} (target 8), n {len(syncs)}")
    sys.stdout.flush()


def main():
    sandboxes = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    paces = [int(word) for word in sys.argv[3:]] or [100_000, 20_000, 0]
    world = hydravisor.World()
    try:
        notes = watch_journal(world)
        spawner, probe, control = (compiled(world, *program) for program in (("spawner", SPAWNER), ("probe", PROBE), ("control", CONTROL)))
        outside = [int(line) / 1000 for line in subprocess.run([probe, "2000", "500"], capture_output=True, check=True).stdout.split()]
        alone = subprocess.run([hydravisor.CLI, "run", "--workspace", "none", "--", probe, "4000", "500"], env=world.env, cwd=world.project,
                               capture_output=True, check=True).stdout
        for name, values in (("outside", outside), ("inside, no load", [int(line) / 1000 for line in alone.split()])):
            print("%-18s delay of that call: %.1f microseconds at p50, %.1f at p95, %.1f at p99, best window's p99 %.1f" % (name, *by_window(values)))
        for pace in paces:
            run(world, notes, spawner, probe, control, sandboxes, seconds, pace)
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
