#!/usr/bin/python3
"""How long a person waits: `run -- /bin/true`, `exec` and `--version`, beside bubblewrap and others in the same run.

usage: bench/start.py [rounds]      as root, or as a user for the rootless numbers
"""

import os
import sys

import lib
import hydravisor

BWRAP = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]


def peers():
    """Whatever else is installed; slow ones fewer times."""
    if lib.have("crun") and os.path.isdir(os.environ.get("CRUN_BUNDLE", "")):
        yield lib.Candidate("crun run", ["crun", "run", "--bundle", os.environ["CRUN_BUNDLE"], f"bench-{os.getpid()}"], rounds=30)
    if lib.have("podman") and os.environ.get("PODMAN_IMAGE"):
        yield lib.Candidate("podman run --rm --network none",
                            ["podman", "run", "--rm", "--network", "none", os.environ["PODMAN_IMAGE"], "/bin/true"], rounds=10)
    if srt := lib.srt():
        yield lib.Candidate("srt", [srt, "true"], rounds=10)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    world = hydravisor.World()
    try:
        cli, env = hydravisor.CLI, world.env
        world.ok("daemon", "status")
        run = lib.Candidate("hydravisor run", [cli, "run", "--", "/bin/true"], env, world.project)
        for pause in (0.05, 0.0):
            lib.compare(f"start, as {'root' if os.geteuid() == 0 else 'a user'}", [lib.Candidate("bwrap", BWRAP), run, *peers()], rounds, pause)
        world.ok("create", "--name", "bench", "--", "sleep", "100000")
        world.ok("start", "bench")
        execute = lib.Candidate("hydravisor exec", [cli, "exec", "bench", "--", "/bin/true"], env, world.project)
        for pause in (0.05, 0.0):
            lib.compare("exec into a running sandbox", [lib.Candidate("bwrap", BWRAP), execute], rounds, pause)
        lib.compare("a program that does nothing", [lib.Candidate("/bin/true", ["/bin/true"]),
                                                   lib.Candidate("hydravisor --version", [cli, "--version"], env)], rounds)
    finally:
        for line in world.close():
            print(f"left behind: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
