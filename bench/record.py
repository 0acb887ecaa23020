#!/usr/bin/python3
"""What recording costs: many programs started, and many files unpacked, outside, inside, and under `strace -f`.

usage: bench/record.py [executions] [files]
"""

import os
import statistics
import subprocess
import sys
import tarfile
import time

import lib  # noqa: F401  (sets the path to the harness)
import hydravisor

# Starts and waits for N programs as fast as it can, without a shell between.
SPAWNER = r"""
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
extern char** environ;
int main(int argc, char** argv) {
  long n = argc > 1 ? atol(argv[1]) : 1000;
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (long i = 0; i < n; ++i) {
    pid_t pid;
    char* const arguments[] = {"/bin/true", NULL};
    int status;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.3f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / 1e3 / n);
}
"""


def microseconds(command, env=None, cwd=None):
    return float(subprocess.run(command, env=env, cwd=cwd, capture_output=True, check=True).stdout)


def executions(world, count):
    source = os.path.join(world.project, "spawner.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(SPAWNER)
    program = os.path.join(world.project, "spawner")
    subprocess.run(["clang-22", "-O2", "-o", program, source], check=True)
    run = [hydravisor.CLI, "run", "--", program, str(count)]
    outside, inside, traced = [], [], []
    for _ in range(5):
        outside.append(microseconds([program, str(count)]))
        inside.append(microseconds(run, world.env, world.project))
    for _ in range(2):
        traced.append(microseconds(["strace", "-f", "-qq", "-e", "trace=execve", "-o", "/dev/null", program, str(count // 5)]))
    outside, inside, traced = map(statistics.median, (outside, inside, traced))
    print(f"\n{count} executions of /bin/true, microseconds each\n  outside {outside:10.1f}\n  inside  {inside:10.1f}"
          f"   {inside - outside:+.1f}\n  strace  {traced:10.1f}   {traced - outside:+.1f}")


def unpacking(world, count):
    archive = os.path.join(world.project, "files.tar")
    tree = world.directory("tree")
    for i in range(count):
        folder = os.path.join(tree, f"d{i // 500}")
        if i % 500 == 0:
            os.makedirs(folder)
        with open(os.path.join(folder, f"f{i}"), "wb") as file:
            file.write(b"x" * 200)
    with tarfile.open(archive, "w") as tar:
        tar.add(tree, "tree")

    def timed(command, **options):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        return time.perf_counter() - begin

    outside, inside, live = [], [], []
    for i in range(3):
        target = world.directory(f"outside{i}")
        outside.append(timed(["tar", "xf", archive, "-C", target]))
        inside.append(timed([hydravisor.CLI, "run", "--name", f"unpack{i}", "--", "sh", "-c", "mkdir -p out && tar xf files.tar -C out"],
                            env=world.env, cwd=world.project))
        world.ok("rm", "--force", f"unpack{i}", timeout=120)
        # Where every call that changes a file is told before it goes on.
        live.append(timed([hydravisor.CLI, "run", "--name", f"live{i}", "--workspace", "live", "--", "sh", "-c",
                           f"mkdir -p live{i} && tar xf files.tar -C live{i}"], env=world.env, cwd=world.project))
        world.ok("rm", "--force", f"live{i}", timeout=120)
    target = world.directory("traced")
    traced = timed(["strace", "-f", "-qq", "-o", "/dev/null", "tar", "xf", archive, "-C", target])
    outside, inside, live = statistics.median(outside), statistics.median(inside), statistics.median(live)
    print(f"\nunpacking {count} files, seconds\n  outside {outside:10.2f}\n  inside  {inside:10.2f}   {inside / outside:.2f} x"
          f"\n  live    {live:10.2f}   {live / outside:.2f} x\n  strace  {traced:10.2f}   {traced / outside:.2f} x")


def main():
    world = hydravisor.World()
    try:
        world.ok("daemon", "status")
        executions(world, int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
        unpacking(world, int(sys.argv[2]) if len(sys.argv) > 2 else 50000)
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
