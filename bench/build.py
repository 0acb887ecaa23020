#!/usr/bin/python3
"""What recording costs a build: a small C project with two jobs, outside, in bwrap, and inside with and without recording.

usage: bench/build.py [rounds] [sources]

Without recording means `--skip-layer seccomp`: no call is told to the supervisor and none is filtered, everything else is the same. `live` is the
workspace in which every open for writing is told too. The candidates take turns; a sandbox is removed outside of the time that counts.
"""

import os
import statistics
import subprocess
import sys
import time

import lib
import hydravisor

SOURCE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"
static int compare_{n}(const void* a, const void* b) {{ return *(const int*)a - *(const int*)b; }}
int work_{n}(int count) {{
  int* numbers = malloc(sizeof(int) * (size_t)count);
  int sum = 0;
  for (int i = 0; i < count; ++i) numbers[i] = (i * {n} + 7) % 1013;
  qsort(numbers, (size_t)count, sizeof(int), compare_{n});
  for (int i = 0; i < count; ++i) sum += numbers[i] * i;
  char text[64];
  snprintf(text, sizeof text, "%d/%s", sum, NAME);
  sum += (int)strlen(text);
  free(numbers);
  return sum;
}}
"""


def make_project(world, sources):
    world.write("common.h", '#define NAME "project"\n' + "".join(f"int work_{n}(int count);\n" for n in range(sources)))
    for n in range(sources):
        world.write(f"part{n}.c", SOURCE.format(n=n))
    calls = "".join(f"  sum += work_{n}(argc * 10);\n" for n in range(sources))
    world.write("main.c", f'#include "common.h"\n#include <stdio.h>\nint main(int argc, char** argv) {{\n  (void)argv;\n  int sum = 0;\n{calls}'
                          '  printf("%d\\n", sum);\n  return 0;\n}\n')
    objects = " ".join(["main.o"] + [f"part{n}.o" for n in range(sources)])
    world.write("Makefile", f"CFLAGS = -O1 -Wall\nproject: {objects}\n\t$(CC) -o $@ $^\n{objects}: common.h\n"
                            "clean:\n\trm -f *.o project\n")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    sources = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    world = hydravisor.World()
    build = ["make", "-s", "-j2"]
    bwrap = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent", "--chdir", world.project]

    def run(*options):
        return [hydravisor.CLI, "run", "--name", "build", "--keep", *options, "--", *build]

    candidates = {"inside, nothing recorded": run("--skip-layer", "seccomp"), "inside": run(), "inside, live": run("--workspace", "live"),
                  "inside, live, nothing recorded": run("--workspace", "live", "--skip-layer", "seccomp"), "outside": build}
    if lib.have("bwrap"):
        candidates["bwrap"] = [*bwrap, *build]
    times = {name: [] for name in candidates}
    try:
        make_project(world, sources)
        for turn in range(rounds + 1):
            for name, command in candidates.items():
                subprocess.run(["make", "-s", "clean"], cwd=world.project, check=True)
                time.sleep(0.05)
                begin = time.perf_counter()
                result = subprocess.run(command, cwd=world.project, env=world.env, capture_output=True, check=False)
                elapsed = time.perf_counter() - begin
                if result.returncode != 0:
                    raise SystemExit(f"{name}: {result.stderr.decode(errors='replace')}")
                if turn > 0:
                    times[name].append(elapsed * 1000)
                if name.startswith("inside"):
                    world.ok("rm", "--force", "build")
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"\na build of {sources + 1} C files, two jobs, {rounds} rounds, {os.cpu_count()} processors")
    for name, median in medians.items():
        without = "inside, live, nothing recorded" if "live" in name else "inside, nothing recorded"
        values = sorted(times[name])
        print(f"  {name:<32} {median:9.1f} ms   {median / medians[without]:6.3f} x of {without}   (p10 {values[len(values) // 10]:.1f},"
              f" p90 {values[len(values) * 9 // 10]:.1f})")


if __name__ == "__main__":
    main()
