"""The work during which crash_cycles kills: what is prepared, what runs, and what is promised whoever dies in it."""

import json

import hydravisor
from crash_cycles import Scenario, project, reset_project

BEFORE = {"kept": "kept\n", "changed": "old\n", "removed": "going\n", "deep/changed": "old\n"}
AFTER = {"kept": "kept\n", "changed": "new\n", "deep/changed": "new\n", "added": "new\n", "fresh/added": "new\n"}
CHANGES = "echo new > changed; rm removed; echo new > deep/changed; echo new > added; mkdir fresh; echo new > fresh/added; echo done"
# Whose death is the sandbox's.
FATAL = ("supervisor", "init")


class Create(Scenario):
    """The first command of all: directories, keys, ledger, daemon."""

    name = "first create"
    fresh = True

    def commands(self):
        return [["create", "--name", "s", "--", "true"], ["daemon", "stop"]]

    def check(self, traced):
        if traced.statuses[:1] == [0]:
            self.expect(self.sandbox(), "the sandbox that was made is not there")
        if self.sandbox():
            self.world.ok("start", "s")
            self.world.ok("wait", "s")


class Run(Scenario):
    """A run that leaves changes behind."""

    name = "run with changes"

    def prepare(self):
        reset_project(self.world, BEFORE)

    def commands(self):
        return [["run", "--name", "s", "--", "sh", "-c", CHANGES], ["daemon", "stop"]]

    def check(self, traced):
        self.expect(project(self.world) == BEFORE, "a run changed the host's files")
        if traced.statuses[:1] == [0]:
            changed = [item["path"] for item in self.world.json("diff", "s")["files"]]
            self.expect("added" in changed and "removed" in changed, f"the run's changes are {changed}")


class RunClean(Scenario):
    """A run that leaves nothing: it removes itself, whoever dies."""

    name = "run without changes"

    def prepare(self):
        reset_project(self.world, BEFORE)

    def commands(self):
        return [["run", "--", "true"], ["daemon", "stop"]]

    def check(self, traced):
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 20, "the removal of the sandbox")
        self.expect(project(self.world) == BEFORE, "a run changed the host's files")


class Start(Scenario):
    """A start of a sandbox that exists; the daemon ends and the sandbox goes on."""

    name = "start"

    def prepare(self):
        reset_project(self.world, BEFORE)
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("daemon", "stop")

    def commands(self):
        return [["start", "s"], ["daemon", "stop"]]

    def check(self, traced):
        state = self.sandbox()["state"]
        if traced.statuses[:1] == [0] and (not traced.killed or traced.killed.role not in FATAL):
            self.expect(state == "running", f"it was started and is {state}")
        if state == "running" and self.world.cli("exec", "s", "--", "true").returncode == 0:
            return
        # What died inside takes it along, perhaps only now.
        self.expect(state != "running" or traced.killed.role in FATAL, "it runs, and nothing can be executed in it")
        hydravisor.wait_for(lambda: self.sandbox()["state"] != "running", 20, "the end of the sandbox")
        self.world.ok("start", "s")


class Exec(Start):
    """A command in a running sandbox."""

    name = "exec"
    watched = 1

    def commands(self):
        return [["start", "s"], ["exec", "s", "--", "sh", "-c", "/bin/true && exit 0"], ["daemon", "stop"]]

    def check(self, traced):
        super().check(traced)
        if traced.statuses[1:2] == [0]:
            told = [event for event in self.world.json("audit", "ls", "--sandbox", "s", "--kind", "exec")["items"] if "/bin/true" in json.dumps(event)]
            self.expect(told, "what was executed is not recorded")


class Stop(Start):
    """A stop and a removal."""

    name = "stop and rm"
    watched = 1

    def commands(self):
        return [["start", "s"], ["stop", "s"], ["rm", "s"], ["daemon", "stop"]]

    def check(self, traced):
        sandbox = self.sandbox()
        if traced.statuses[2:3] == [0]:
            self.expect(sandbox is None, "it was removed and is there")
        elif traced.statuses[1:2] == [0]:
            self.expect(sandbox is None or sandbox["state"] == "stopped", f"it was stopped and is {sandbox}")


class Apply(Scenario):
    """Changes come to the host's files: all of them or none."""

    name = "apply"
    verb = "apply"
    start, end = BEFORE, AFTER

    def prepare(self):
        reset_project(self.world, BEFORE)
        self.world.ok("run", "--name", "s", "--", "sh", "-c", CHANGES)
        self.world.ok("daemon", "stop")

    def commands(self):
        return [[self.verb, "s"], ["daemon", "stop"]]

    def check(self, traced):
        found = project(self.world)
        self.expect(found in (self.start, self.end), f"half of it was done: {found}")
        if traced.statuses[:1] == [0]:
            self.expect(found == self.end, "it was done and is not")
        if found == self.start:
            self.world.ok(self.verb, "s")
            self.expect(project(self.world) == self.end, f"done again it is {project(self.world)}")


class Undo(Apply):
    """An apply is taken back: all of it or nothing."""

    name = "undo of an apply"
    verb = "undo"
    start, end = AFTER, BEFORE

    def prepare(self):
        reset_project(self.world, BEFORE)
        self.world.ok("run", "--name", "s", "--", "sh", "-c", CHANGES)
        self.world.ok("apply", "s")
        self.world.ok("daemon", "stop")


class UndoLive(Apply):
    """What a live sandbox changed is taken back: all of it or nothing."""

    name = "undo of a live workspace"
    verb = "undo"
    start, end = AFTER, BEFORE

    def prepare(self):
        reset_project(self.world, BEFORE)
        self.world.ok("run", "--name", "s", "--workspace", "live", "--", "sh", "-c", CHANGES)
        self.world.ok("daemon", "stop")


class Discard(Apply):
    """Changes are thrown away: all of them or none."""

    name = "discard"

    def prepare(self):
        reset_project(self.world, BEFORE)
        # Without changes it would go by itself.
        self.world.ok("run", "--keep", "--name", "s", "--", "sh", "-c", CHANGES)
        self.world.ok("daemon", "stop")

    def commands(self):
        return [["discard", "s"], ["daemon", "stop"]]

    def check(self, traced):
        self.expect(project(self.world) == BEFORE, "a discard changed the host's files")
        changes = sorted(item["path"] for item in self.world.json("diff", "s")["files"])
        self.expect(changes == [] or len(changes) >= 5, f"half of the changes are left: {changes}")
        if traced.statuses[:1] == [0]:
            self.expect(changes == [], f"they were discarded and are there: {changes}")


class Network(Scenario):
    """A sandbox that uses a port of the host, and whose rules change meanwhile."""

    name = "network"
    watched = 1

    def prepare(self):
        reset_project(self.world, BEFORE)

    def commands(self):
        return [["run", "--detach", "--name", "s", "--allow", "one.example", "--host-port", str(self.world.port), "--", "sleep", "600"],
                ["net", "s", "--allow", "two.example"],
                ["exec", "s", "--", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.world.port}; head -c 5 <&3"], ["daemon", "stop"]]

    def check(self, traced):
        sandbox = self.sandbox()
        if traced.statuses[:1] != [0]:
            return
        if not sandbox or sandbox["state"] != "running":
            self.expect(not traced.killed or traced.killed.role in FATAL, f"the sandbox is {sandbox}")
            return
        if traced.statuses[1:2] == [0]:
            self.expect("two.example" in json.dumps(self.world.json("inspect", "s")["network"]), "the rule that was allowed is not there")
        if "hello" in traced.output:
            self.expect(f'"port":{self.world.port}' in json.dumps(self.world.json("audit", "ls", "--sandbox", "s")).replace(" ", ""),
                        "the connection is not recorded")


SCENARIOS = [Create, Run, RunClean, Start, Exec, Stop, Apply, Undo, UndoLive, Discard, Network]
