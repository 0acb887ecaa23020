#!/usr/bin/python3
"""Runs one Python test as the user it asks for, with that user's clean environment: run_as.py user|root|self FILE [ARGUMENT...]

Exit status 77 means skipped. Under CI=true nothing is skipped: what cannot run fails.
"""

import os
import pwd
import shutil
import signal
import sys
import tempfile

TEST_USER = "hvtest"
SKIPPED = 77
# The programs and the files beside them that a test needs when it may not read the checkout.
STAGED_FROM_SOURCE = ["tests", "bench", "data", "docs", "tools", "examples"]
KEPT = ("CI", "TERM", "HYDRAVISOR_")


def skip(reason):
    in_ci = os.environ.get("CI") == "true"
    print(f"{'FAILED' if in_ci else 'SKIPPED'}: {reason}")
    sys.exit(1 if in_ci else SKIPPED)


def others_may_enter(path):
    """Whether a user without any right of its own reaches `path`."""
    path = os.path.realpath(path)
    while path != "/":
        if os.path.isdir(path) and not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


def stage(source, build):
    """A copy of what the tests use, where everybody may read it. Returns the new (source, build)."""
    top = tempfile.mkdtemp(prefix="hydravisor-stage-")
    os.chmod(top, 0o755)
    for name in STAGED_FROM_SOURCE:
        if os.path.isdir(os.path.join(source, name)):
            shutil.copytree(os.path.join(source, name), os.path.join(top, name), symlinks=True)
    staged_build = os.path.join(top, "build", os.path.basename(build))
    for name in ("bin", "share", "libexec"):
        if os.path.isdir(os.path.join(build, name)):
            shutil.copytree(os.path.join(build, name), os.path.join(staged_build, name), symlinks=True)
    for folder, _, files in os.walk(top):
        os.chmod(folder, 0o755)
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode | 0o444)
    return top, staged_build


def join_delegated_cgroups():
    """Moves this process into the groups that belong to the test user, as a login session's processes are in theirs."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        hierarchies = [line.split()[1] for line in mounts if line.split()[2] == "cgroup"]
    for hierarchy in hierarchies:
        tasks = os.path.join(hierarchy, "hv-user", "tasks")
        if os.path.exists(tasks):
            with open(tasks, "w", encoding="ascii") as file:
                file.write("0")


def become(user):
    """The clean environment of `user`, after this process has become that user."""
    environment = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    environment.update({"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": "/bin/bash",
                        "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
    join_delegated_cgroups()
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.chdir(user.pw_dir)
    return environment


def run(kind, file, arguments, environment):
    if kind == "user" and os.geteuid() == 0:
        environment = become(pwd.getpwnam(TEST_USER))
    environment["PYTHONPATH"] = os.path.join(environment["HYDRAVISOR_SOURCE_DIR"], "tests/functional/lib")
    os.execve("/usr/bin/python3", ["/usr/bin/python3", file, *arguments], environment)


def main(arguments):
    kind, file, rest = arguments[1], os.path.abspath(arguments[2]), arguments[3:]
    source, build = os.environ["HYDRAVISOR_SOURCE_DIR"], os.environ["HYDRAVISOR_BUILD_DIR"]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    if kind == "root" and os.geteuid() != 0:
        skip("needs root")
    if kind != "user" or os.geteuid() != 0:
        run(kind, file, rest, environment)
    try:
        pwd.getpwnam(TEST_USER)
    except KeyError:
        skip(f"there is no user {TEST_USER}; tools/prepare-test-machine adds it")
    if others_may_enter(source) and others_may_enter(build):
        run(kind, file, rest, environment)

    top, staged_build = stage(source, build)
    try:
        os.environ.update(HYDRAVISOR_SOURCE_DIR=top, HYDRAVISOR_BUILD_DIR=staged_build)
        environment.update(HYDRAVISOR_SOURCE_DIR=top, HYDRAVISOR_BUILD_DIR=staged_build)
        child = os.fork()
        if child == 0:
            run(kind, os.path.join(top, os.path.relpath(file, source)), rest, environment)
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
