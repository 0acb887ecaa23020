# labels: security
# as: user root
# timeout: 300
"""What a sandbox must withstand, tried from inside by hydravisor-probe; and the same tried where one layer is missing, to show that the
probe would have noticed."""

import contextlib
import ctypes
import itertools
import json
import os
import socket
import subprocess

import hydravisor

PROBE = os.path.join(hydravisor.BIN, "hydravisor-probe")

# What cannot be tried on some kernels or machines, with or without layers, and why.
DEPENDS_ON_KERNEL = {"key-users": "CONFIG_KEYS may be off", "kallsyms": "CONFIG_KALLSYMS may be off",
                     "ia32": "CONFIG_IA32_EMULATION may be off", "host-message-queue": "CONFIG_POSIX_MQUEUE may be off"}

# What takes a server that answers: network_probe_test has them all.
NEEDS_NETWORK = ("host-by-its-address", "unlisted-name", "rebinding", "server-name", "no-server-name", "tunnel-server-name", "host-field",
                 "smuggling")
# What no probe can tell.
HIDDEN = ("http2-authority", "ssh-forwarding")

# Controls that cannot be made because something that no switch leaves out stands in the way as well.
NO_CONTROL = {
    "root": {"signal-host": "the agent's ids are not those of the host's process"},
    # The kernel gives the files of a process that is not dumpable to id 0, and with one id mapped there is none.
    "user": {name: "id 0 is not mapped" for name in ("init-environment", "init-memory", "init-descriptors")},
}

# Outside any sandbox, as root, these still fail; each with its reason.
HOLDS_ON_THE_HOST = {
    "own-program": "the kernel refuses to write a program that runs",
    "working-directory": "outside there is no root to be outside of",
    "x32": "needs a kernel that was built with x32",
    "socket-alg": "needs a kernel with the family", "socket-vsock": "needs a kernel with the family",
    "http2-authority": "nothing sees inside the encryption", "ssh-forwarding": "nothing sees inside the encryption",
    "host-devices": "a container's /dev may have none of them",
    "kernel-memory": "the kernel may be locked down", "kernel-log": "a container may hide it", "sysrq": "the kernel may lack it",
    "release-agent": "only version 1 has it", "syslog": "a container may refuse it",
    "acct": "the kernel may lack it",
    "init-program": "PID 1 of the machine may be out of reach for this container",
}


def who():
    return "root" if os.geteuid() == 0 else "user"


@contextlib.contextmanager
def shared_memory():
    """The key of a System V segment that anybody may attach."""
    libc = ctypes.CDLL(None, use_errno=True)
    key = 0x68760000 | os.getpid() & 0xFFFF
    segment = libc.shmget(key, 4096, 0o1666)  # IPC_CREAT
    if segment < 0:
        hydravisor.skip_or_fail("no System V shared memory can be made")
    try:
        yield key
    finally:
        libc.shmctl(segment, 0, None)  # IPC_RMID


@contextlib.contextmanager
def message_queue():
    """The name of a POSIX message queue that anybody may open, or None."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = f"/hydravisor-test-{os.getpid()}"
    old = os.umask(0)
    queue = libc.mq_open(name.encode(), os.O_RDWR | os.O_CREAT, 0o666, None)
    os.umask(old)
    try:
        yield name if queue >= 0 else None
    finally:
        if queue >= 0:
            os.close(queue)
            libc.mq_unlink(name.encode())


class ProbeCase(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.numbers = itertools.count()
        if not os.path.exists(PROBE):
            self.fail(f"{PROBE} is not built")
        self.probes = {probe["id"]: probe for probe in json.loads(subprocess.check_output([PROBE, "--list", "--json"]))}

    @contextlib.contextmanager
    def outside(self):
        """The options that name what of the host is aimed at; all of it exists and answers while they are used."""
        with contextlib.ExitStack() as stack:
            host = stack.enter_context(subprocess.Popen(["/bin/sleep", "300"]))
            stack.callback(host.kill)
            number = next(self.numbers)
            path = os.path.join(self.world.top, f"listening-{number}.sock")
            abstract = f"hydravisor-test-{os.getpid()}-{number}"
            for address in (path, "\0" + abstract):
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(address)
                listener.listen(64)
            os.chmod(path, 0o777)
            self.listening = path
            file = os.path.join(self.world.top, "private")
            with open(file, "w", encoding="utf-8") as target:
                target.write("private\n")
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            options = ["--host-pid", host.pid, "--host-socket", path, "--host-abstract", abstract, "--host-file", file,
                       "--host-shared-memory", stack.enter_context(shared_memory()), "--host-tcp", server.getsockname()[1]]
            if name := stack.enter_context(message_queue()):
                options += ["--host-message-queue", name]
            yield [str(option) for option in options]

    def probe(self, *options, only=(), told=(), **more):
        """The results by id, of the program inside a sandbox."""
        with self.outside() as facts:
            chosen = [word for name in only for word in ("--only", name)]
            result = self.run_in_sandbox(PROBE, "--json", *facts, *chosen, *told, options=options, **more)
        self.assertIn(result.returncode, (0, 1), result.stderr.decode(errors="replace"))
        return {entry["id"]: entry for entry in json.loads(result.stdout)}


class InASandbox(ProbeCase):
    def test_everything_holds(self):
        results = self.probe()
        self.assertEqual(set(results), set(self.probes))
        through = {name: entry["detail"] for name, entry in results.items() if entry["status"] == "got_through"}
        self.assertEqual(through, {})

    def test_what_nested_sandboxes_allow_is_named_and_nothing_more_gets_through(self):
        def through(results):
            return {name for name, entry in results.items() if entry["status"] == "got_through"}

        allowed = {name for name, probe in self.probes.items() if probe["allowed_by"] == "nested"}
        self.assertEqual(through(self.probe("--policy", "standard", told=["--nested"])), set())
        opened = through(self.probe("--policy", "standard"))
        self.assertIn("unshare-user-namespace", opened)
        self.assertLessEqual(opened, allowed)
        # Where the policy does not allow them, being told that it does changes nothing.
        results = self.probe(told=["--nested"])
        self.assertEqual({results[name]["status"] for name in allowed} - {"held_unrecorded"}, set())

    def test_everything_could_be_tried(self):
        results = self.probe()
        untried = {name: entry["detail"] for name, entry in results.items() if entry["status"] == "not_applicable"}
        for name in (*DEPENDS_ON_KERNEL, *NEEDS_NETWORK, *HIDDEN):
            untried.pop(name, None)
        self.assertEqual(untried, {})

    def test_what_can_be_recorded_is_in_the_ledger(self):
        results = self.probe("--name", "probed", "--keep")
        expected = {self.probes[name]["record"] for name, entry in results.items() if entry["status"] == "held"}
        self.assertGreater(len(expected), 30)

        def recorded():
            lines = self.world.ok("audit", "export", "--format", "jsonl").splitlines()
            events = [json.loads(line) for line in lines]
            return {event["payload"]["call"] for event in events if event["kind"] == "call.denied"}

        missing = expected - recorded()
        if missing:
            # The last of them may still be on their way from the spool.
            hydravisor.wait_for(lambda: not expected - recorded(), what=f"the record of {missing}")
        self.world.ok("audit", "verify")

    def test_what_cannot_be_recorded_says_so(self):
        for name, entry in self.probe().items():
            # Without a network the namespace holds what else the gateway would, and tells nobody.
            can_tell = self.probes[name]["record"] and not self.probes[name]["record"].startswith("network.")
            if entry["status"] != "not_applicable":
                self.assertEqual(entry["status"], "held" if can_tell else "held_unrecorded", name)

    def test_ordinary_programs_are_not_disturbed(self):
        program = """
import asyncio, os, select, socket, subprocess, tempfile, threading
left, right = socket.socketpair()
left.send(b"x"); assert right.recv(1) == b"x"
poll = select.epoll(); poll.register(right, select.EPOLLIN); left.send(b"y"); assert poll.poll(1)
async def serve():
    server = await asyncio.start_server(lambda r, w: (w.write(b"hello"), w.close()), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.read() == b"hello"
    process = await asyncio.create_subprocess_exec("/bin/echo", "child", stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"child\\n"
asyncio.run(serve())
threads = [threading.Thread(target=lambda: None) for _ in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); datagrams.bind(("127.0.0.1", 0)); datagrams.connect(datagrams.getsockname())
datagrams.sendto(b"z", datagrams.getsockname()); assert datagrams.recv(1) == b"z"
with tempfile.TemporaryDirectory() as d:
    os.mkfifo(d + "/fifo"); os.rename(d + "/fifo", d + "/other")
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
print("undisturbed")
"""
        self.assert_output(self.run_in_sandbox("/usr/bin/python3", "-c", program), "undisturbed\n")

    def test_ten_thousand_refused_calls_are_counted_and_not_listed(self):
        program = "import ctypes\nl = ctypes.CDLL(None)\nfor i in range(10000): l.syscall(250, 0, 0, 0)\n"
        result = self.run_in_sandbox("/usr/bin/python3", "-c", program, options=["--name", "flood", "--keep"])
        self.assertEqual(result.returncode, 0, result.stderr)

        def events():
            lines = self.world.ok("audit", "export", "--format", "jsonl").splitlines()
            return [event for event in map(json.loads, lines) if event["kind"] == "call.denied"]

        hydravisor.wait_for(lambda: sum(event["payload"]["count"] for event in events()) == 10000, what="the count of all calls")
        self.assertLess(len(events()), 20)


class NegativeControl(ProbeCase):
    def test_each_probe_gets_through_where_its_layers_are_missing(self):
        # Those that need a network have theirs in network_probe_test.
        controlled = [probe for probe in self.probes.values() if probe["control"] and not probe["needs_network"]]
        controlled.sort(key=lambda probe: probe["control"])
        for layers, group in itertools.groupby(controlled, key=lambda probe: probe["control"]):
            names = [probe["id"] for probe in group]
            with self.subTest(without=" ".join(layers)):
                options = [word for layer in layers for word in ("--skip-layer", layer)]
                results = self.probe(*options, only=names)
                held = {name: entry["detail"] for name, entry in results.items()
                        if entry["status"] != "got_through" and name not in NO_CONTROL[who()] and name not in DEPENDS_ON_KERNEL}
                self.assertEqual(held, {}, "held without its layers: the probe proves nothing")

    def test_the_others_get_through_outside_any_sandbox(self):
        if who() != "root":
            self.skipTest("only root can do on the host what these attempt")
        names = [name for name, probe in self.probes.items() if not probe["control"]]
        with self.outside() as facts:
            chosen = [word for name in names for word in ("--only", name)]
            result = subprocess.run([PROBE, "--json", *facts, *chosen], capture_output=True, check=False, timeout=60,
                                    env={**os.environ, "SSH_AUTH_SOCK": self.listening})
        results = {entry["id"]: entry for entry in json.loads(result.stdout)}
        held = {name: entry["detail"] for name, entry in results.items()
                if entry["status"] != "got_through" and name not in HOLDS_ON_THE_HOST}
        self.assertEqual(held, {})

    def test_a_missing_layer_is_said_aloud(self):
        result = self.run_in_sandbox("true", options=["--skip-layer", "landlock"])
        self.assertIn(b"landlock", result.stderr)


class Documentation(ProbeCase):
    def test_lists_every_probe(self):
        with open(os.path.join(hydravisor.SOURCE, "docs", "probes.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual([name for name in self.probes if f"`{name}`" not in text], [])


if __name__ == "__main__":
    hydravisor.main()
