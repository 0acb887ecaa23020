"""Kills one of Hydravisor's processes exactly before one step of its work, starts a new daemon, and looks at what is there.

A scenario is prepared, then its commands run under `kill_at` (tests/functional/crash), which first writes down every step: each
system call with an effect, of every process. A cycle is the same again with one of these steps named: who was about to make it is
dead before it begins. What is promised then is checked by the scenario (before or after, never half) and by everything():
a daemon starts, the ledger verifies, no event that anybody was told of is missing, and once the sandboxes are removed nothing is
left. boundaries.py says what each step is.
"""

import contextlib
import glob
import json
import os
import re
import socket
import subprocess
import threading
import time

import crash_boundaries
import hydravisor

KILL_AT = os.path.join(hydravisor.BIN, "kill_at")
SETTLED = ("created", "running", "stopped")


class Step:
    """One line of kill_at's log: who was about to do what, for the how-many-th time."""

    def __init__(self, line):
        self.role, self.what, number = line.split("\t")
        self.number = int(number)

    @property
    def key(self):
        return f"{self.role}\t{self.what}\t{self.number}"

    def __str__(self):
        return f"{self.role}: {self.what} #{self.number}"


class Traced:
    """What came of some commands under kill_at."""

    def __init__(self, log):
        self.steps = []      # (how many commands had ended before, Step)
        self.statuses = []   # of the commands that ended
        self.killed = None
        self.processes = set()
        for line in log.splitlines():
            kind, _, rest = line.partition("\t")
            if kind == "status":
                self.statuses.append(int(rest))
            elif kind == "process":
                self.processes.add(int(rest))
            elif kind in ("step", "killed"):
                step = Step(rest)
                self.steps.append((len(self.statuses), step))
                if kind == "killed":
                    self.killed = step


def _told(event):
    """What of an event stays as it is: not whether it is sealed by now."""
    return {key: value for key, value in event.items() if key not in ("durability", "leaf_hash")}


class Listener(threading.Thread):
    """Whoever follows the record: remembers each event that the daemon tells."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.path = os.path.join(world.env["XDG_RUNTIME_DIR"], "hydravisor", "hydravisord.sock")
        self.told = {}
        self._ended = threading.Event()
        self._socket = None

    def run(self):
        while not self._ended.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as self._socket:
                self._socket.connect(self.path)
                self._socket.sendall(b"GET /v1/audit/tail HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
                self._read()
            self._ended.wait(0.002)

    def _read(self):
        buffered = b""
        while chunk := self._socket.recv(65536):
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    event = json.loads(line[6:])
                    self.told[event["index"]] = _told(event)

    def end(self):
        self._ended.set()
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.join(10)
        return self.told


class Scenario:
    """Commands of one kind of work. `watched` is the first of them whose steps are boundaries."""

    name = ""
    watched = 0
    fresh = False  # needs an installation that has never been used

    def __init__(self, world):
        self.world = world

    def prepare(self):
        """Whatever has to be there before; not traced."""

    def commands(self):
        raise NotImplementedError

    def check(self, traced):
        """What is promised of this work, after the kill."""

    # For the checks.

    def sandbox(self, name="s"):
        return next((item for item in self.world.json("ls")["items"] if item["name"] == name), None)

    def expect(self, condition, what):
        if not condition:
            raise AssertionError(what)


def quiet(world):
    """Every sandbox is where it stays by itself."""
    def settled():
        return all(item["state"] in SETTLED for item in world.json("ls")["items"])
    hydravisor.wait_for(settled, 20, "the settling of every sandbox")


def trace(scenario, at=None):
    world = scenario.world
    log = os.path.join(world.top, "steps")
    names = [(world.state + "/hydravisor", "state"), (world.env["XDG_RUNTIME_DIR"] + "/hydravisor", "runtime"), (world.project, "project"),
             (world.home, "home"), (hydravisor.BIN, "programs")]
    words = [KILL_AT, "--log", log]
    for prefix, word in names:
        words += ["--name", f"{prefix}={word}"]
    if at:
        words += ["--at", at.key]
    for number, command in enumerate(scenario.commands()):
        words += ["--then" if number else "--", hydravisor.CLI, *command]
    result = subprocess.run(words, env=world.env, cwd=world.project, capture_output=True, timeout=120, check=False)
    world.note()
    with open(log, encoding="utf-8", errors="replace") as file:
        traced = Traced(file.read())
    traced.output = (result.stdout + result.stderr).decode(errors="replace")
    return traced


def warm_up(world):
    """So that the copies which every first run makes are there."""
    world.ok("run", "--workspace", "none", "--", "true")
    world.ok("daemon", "stop")


def chosen(steps, count, rare_first=True):
    """`count` of the steps, always the same ones: each boundary once, then each kind of step once, the rarest first, and then again; or,
    for a few, spread evenly over the whole work."""
    if not rare_first:
        return _spread(steps)[:count]
    kinds = {}
    for step in steps:
        kinds.setdefault((step.role, step.what), []).append(step)
    queues = [_spread(queue) for _, queue in sorted(kinds.items(), key=lambda item: (len(item[1]), item[0]))]
    boundaries = {}
    for step in steps:
        boundaries.setdefault(crash_boundaries.name_of(step), []).append(step)
    taken, turn = [_spread(group)[0] for _, group in sorted(boundaries.items())][:count], 0
    while len(taken) < count:
        more = [queue[turn % len(queue)] for queue in queues if turn < len(queue) or turn >= max(map(len, queues))]
        taken += more[:count - len(taken)]
        turn += 1
    return taken


def _spread(steps):
    """The middle first, then the middles of what is on both sides of it, and so on."""
    order, gaps = [], [(0, len(steps))]
    while gaps:
        low, high = gaps.pop(0)
        if low < high:
            middle = (low + high) // 2
            order.append(steps[middle])
            gaps += [(low, middle), (middle + 1, high)]
    return order


def record(scenario):
    """The steps that can be killed at, without a kill."""
    scenario.prepare()
    traced = trace(scenario)
    if any(traced.statuses):
        raise AssertionError(f"{scenario.name} does not work: {traced.statuses}\n{traced.output}")
    steps = [step for number, step in traced.steps if number >= scenario.watched]
    unknown = sorted({f"{step.role}: {step.what}" for step in steps if not crash_boundaries.name_of(step)})
    if unknown:
        raise AssertionError("steps about which nothing is promised:\n  " + "\n  ".join(unknown))
    clean(scenario.world)
    return steps


# What a private installation consists of once no sandbox is left.
_STAYS = re.compile(r"(ledger|ledger\.verified|behavior|tokens\.json|witnesses|homes|cache|sandboxes|format\.json)(/|$)")
_HALF_MADE = re.compile(r"(\.tmp-\d+|/\.removing-[^/]*|/\.[a-z]+-[0-9a-f]+\.[^/]*)$")


def leftovers(world):
    """Files of a kind that no living installation keeps."""
    found = []
    state = os.path.join(world.state, "hydravisor")
    for folder, names, files in os.walk(state):
        for name in names + files:
            path = os.path.relpath(os.path.join(folder, name), state)
            if not _STAYS.match(path) or _HALF_MADE.search(path) or path.startswith("sandboxes/"):
                found.append(f"file of the state: {path}")
    for path in glob.glob(os.path.join(world.env["XDG_RUNTIME_DIR"], "hydravisor", "*")):
        if os.path.basename(path) not in ("daemon.lock", "hydravisord.sock.lock", "hydravisord.sock.log"):
            found.append(f"file of the runtime directory: {path}")
    for folder, names, files in os.walk(world.project):
        found += [f"temporary file in the project: {name}" for name in names + files if name.startswith(".hydravisor")]
    return found


def clean(world):
    """Removes all sandboxes and stops the daemon; what is left then is a fault."""
    for item in world.json("ls")["items"]:
        world.cli("rm", "--force", item["id"])
    hydravisor.wait_for(lambda: world.json("ls")["items"] == [], 20, "the removal of every sandbox")
    with contextlib.suppress(AssertionError):
        hydravisor.wait_for(lambda: world.sandboxes() == [], 5)
    world.ok("daemon", "stop")
    left = []
    with contextlib.suppress(AssertionError):
        hydravisor.wait_for(lambda: not world.leaks() and not leftovers(world), 10)
    left = world.leaks() + leftovers(world)
    if left:
        raise AssertionError("left behind:\n  " + "\n  ".join(left[:10]))
    world.ids.clear()


def cycle(scenario, step):
    """One kill. Returns whether the step was reached; raises AssertionError with everything that is not as promised."""
    world = scenario.world
    scenario.prepare()
    listener = Listener(world)
    listener.start()
    try:
        traced = trace(scenario, step)
    finally:
        told = listener.end()
    problems = []

    def attempt(check):
        try:
            check()
        except (AssertionError, subprocess.SubprocessError, ValueError) as error:
            problems.append(str(error))
    attempt(lambda: quiet(world))
    attempt(lambda: scenario.check(traced))
    attempt(lambda: check_ledger(world, told))
    attempt(lambda: clean(world))
    attempt(lambda: check_processes(traced))
    if problems:
        raise AssertionError(f"{scenario.name}, killed before {step} (statuses {traced.statuses}):\n" + "\n".join(problems) +
                             f"\noutput: {traced.output}")
    return traced.killed is not None


def check_processes(traced):
    """None of those that were seen lives on: one that has lost its parent and its environment shows by its program alone."""
    def alive():
        found = []
        for pid in traced.processes:
            with contextlib.suppress(OSError):
                program = os.readlink(f"/proc/{pid}/exe")
                if program.startswith(hydravisor.BIN):
                    found.append(f"{pid}: {program}")
        return found
    with contextlib.suppress(AssertionError):
        hydravisor.wait_for(lambda: not alive(), 10)
    if alive():
        raise AssertionError(f"processes that live on: {alive()}")


def check_ledger(world, told):
    world.ok("audit", "verify")
    if not told:
        return
    recorded = {item["index"]: _told(item) for item in world.json("audit", "ls")["items"]}
    lost = [index for index, event in told.items() if recorded.get(index) != event]
    if lost:
        raise AssertionError(f"events that were told and are not in the ledger: {sorted(lost)}")


def reset_project(world, files):
    for folder, names, found in os.walk(world.project, topdown=False):
        for name in found:
            os.unlink(os.path.join(folder, name))
        for name in names:
            path = os.path.join(folder, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)
    for name, content in files.items():
        world.write(name, content)


def project(world):
    """The content of every file, by its path."""
    found = {}
    for folder, _, files in os.walk(world.project):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                found[os.path.relpath(path, world.project)] = file.read()
    return found
