#!/usr/bin/python3
"""What the way out costs: new connections, downloads, memory, names, and a start with the network on, beside no gateway at all and
beside proxies of others in the same run. Everything happens in network namespaces of its own.

usage: bench/network.py [rounds [PART...]]      as root; parts are connect, download, dns, memory, start, change
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import lib
import fake_internet
import hydravisor
from network_server import ANSWER_PORT, PLAIN_PORT

HERE = os.path.dirname(os.path.abspath(__file__))
HOST, ADDRESS = "server.example", "5.6.0.1"
CONNECTIONS = 2000
LATER = 1000  # hosts that become reachable while a sandbox runs
LINK = "1gbit"


def pss(pid):
    """Megabytes of one process, shared pages divided among those who share them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE)[1]) / 1024


def tree(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid] + [below for child in file.read().split() for below in tree(int(child))]


def program_of(pid):
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


class Way:
    """A client that reaches the server in one way, and the processes that stand between the two."""

    def __init__(self, name, process, between=()):
        self.name, self.process, self.between = name, process, between
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: the client has ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, *words):
        self.tell(*words)
        return self.read()

    def memory(self):
        pids = self.between() if callable(self.between) else self.between
        return sum(pss(pid) for pid in pids)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Bench:
    def __init__(self, undo):
        self.undo = undo
        self.net = internet = fake_internet.FakeInternet()
        undo.callback(internet.close)
        self.top = tempfile.mkdtemp(prefix="hvb-")
        undo.callback(shutil.rmtree, self.top)
        os.chmod(self.top, 0o755)
        # From a file, at once and the same for all: what is measured is not a name server.
        with open(os.path.join(internet.top, "hosts"), "a", encoding="utf-8") as file:
            file.write(f"{ADDRESS} {HOST} {' '.join(f'later-{i}.{HOST}' for i in range(LATER))}\n")
        files = internet.certificate_files([HOST])
        internet.program(["/usr/bin/python3", os.path.join(HERE, "network_server.py"), ADDRESS, *files], ADDRESS, PLAIN_PORT)
        self.client = ["/usr/bin/python3", shutil.copy(os.path.join(HERE, "network_client.py"), self.top), HOST,
                       shutil.copy(internet.ca, self.top)]
        self.world = hydravisor.World()
        undo.callback(self.close_world)
        self.world.preexec = internet.enter
        self.allow = [word for port in ("", f":{ANSWER_PORT}", f":{PLAIN_PORT}") for word in ("--allow", HOST + port)]

    def close_world(self):
        for line in self.world.close():
            print(f"left behind: {line}", file=sys.stderr)

    def start(self, command, **options):
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=self.net.enter, **options)

    def way(self, *arguments):
        way = Way(*arguments)
        self.undo.callback(way.close)
        return way

    def direct(self):
        return self.way("direct", self.start(self.client))

    def hydravisor(self):
        process = self.world.start_cli("run", "--name", "bench", *self.allow, "--read", self.top, "--", *self.client, stderr=None)
        way = self.way("hydravisor", process)
        supervisor = self.world.json("inspect", "bench")["supervisor_pid"]
        way.between = [pid for pid in tree(supervisor) if program_of(pid) == "hydravisor-gateway"]
        return way

    def proxy(self, name, command, port):
        """A proxy of others on the host, in the foreground, and a client that is told to use it."""
        log = open(os.path.join(self.top, name + ".log"), "wb")
        self.undo.callback(log.close)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.net.enter, cwd=self.top)

        def end():
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.undo.callback(end)
        answers = ["/usr/bin/python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"]
        hydravisor.wait_for(lambda: subprocess.run(answers, preexec_fn=self.net.enter, stderr=subprocess.DEVNULL, check=False).returncode == 0,
                            20, f"{name} (see {log.name})")
        return self.way(name, self.start([*self.client, f"127.0.0.1:{port}"]), lambda: tree(process.pid))

    def squid(self):
        # It does not work as root: its own user gets a directory.
        own = os.path.join(self.top, "squid")
        os.mkdir(own)
        shutil.chown(own, "proxy", "proxy")
        config = os.path.join(self.top, "squid.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"http_port 127.0.0.1:3130\nhttp_access allow all\naccess_log none\ncache_log {own}/cache.log\ncache deny all\n"
                       f"pid_filename {own}/pid\ncoredump_dir {own}\nmax_filedescriptors 16384\nshutdown_lifetime 0 seconds\n"
                       f"hosts_file {self.net.top}/hosts\npinger_enable off\nvisible_hostname bench\nnetdb_filename none\nicp_port 0\n")
        return self.proxy("squid", ["squid", "--foreground", "-f", config, "-n", f"hvb{os.getpid()}"], 3130)

    def tinyproxy(self):
        config = os.path.join(self.top, "tinyproxy.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"Port 3131\nListen 127.0.0.1\nTimeout 600\nMaxClients 4000\nLogLevel Critical\nLogFile \"{self.top}/tinyproxy.log\"\n")
        return self.proxy("tinyproxy", ["tinyproxy", "-d", "-c", config], 3131)

    def srt(self, program):
        settings = os.path.join(self.top, "srt.json")
        with open(settings, "w", encoding="utf-8") as file:
            json.dump({"filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []},
                       "network": {"allowedDomains": [HOST], "deniedDomains": []}}, file)
        process = self.start([program, "--settings", settings, *self.client, "variables"], cwd=self.top,
                             env={**os.environ, "HOME": self.top})
        return self.way("srt", process, lambda: [pid for pid in tree(process.pid) if program_of(pid).startswith(("node", "socat"))])

    def ways(self):
        yield self.direct()
        yield self.hydravisor()
        if program := lib.srt():
            yield self.srt(program)
        if lib.have("squid"):
            yield self.squid()
        if lib.have("tinyproxy"):
            yield self.tinyproxy()

    def limit_link(self, rate):
        """What the server sends, no faster than this; None: as fast as memory."""
        edit = ["tc", "-n", self.net.world_net, "qdisc"]
        if rate:
            subprocess.run([*edit, "replace", "dev", "in", "root", "tbf", "rate", rate, "burst", "1mb", "latency", "50ms"], check=True)
        else:
            subprocess.run([*edit, "del", "dev", "in", "root"], check=True)


def in_turn(title, unit, ways, rounds, words, more=""):
    """Every way does the same, one after the other, `rounds` times. Prints the medians of all numbers."""
    numbers = {way.name: [] for way in ways}
    for way in ways:
        way.ask(*words)
    for _ in range(rounds):
        for way in ways:
            numbers[way.name] += way.ask(*words)
    print(f"\n{title}")
    first = statistics.median(numbers[ways[0].name])
    for way in ways:
        values = sorted(numbers[way.name])
        median = statistics.median(values)
        print(f"  {way.name:<14} {median:9.3f} {unit}   {median - first:+9.3f}   {median / first:6.2f} x"
              f"   (p10 {values[len(values) // 10]:.3f}, p90 {values[len(values) * 9 // 10]:.3f}, n {len(values)})")
    if more:
        print(f"  {more}")
    sys.stdout.flush()


def measure_connections(bench, ways, rounds):
    in_turn("a new connection, to the first byte back", "ms", ways, rounds, ("reach", ANSWER_PORT, 50), "target: + 0.3 ms")


def measure_downloads(bench, ways, rounds):
    few = max(1, rounds // 2)
    bench.limit_link(LINK)
    in_turn(f"a download, plain TCP, over a link of {LINK}", "MB/s", ways, few, ("fetch", PLAIN_PORT, 0, 64 << 20), "target: 0.9 x")
    in_turn(f"a download, TLS, over a link of {LINK}", "MB/s", ways, few, ("fetch", 443, 1, 64 << 20), "target: 0.9 x")
    bench.limit_link(None)
    in_turn("a download, plain TCP, as fast as memory", "MB/s", ways, rounds, ("fetch", PLAIN_PORT, 0, 256 << 20))
    in_turn("a download, TLS, as fast as memory", "MB/s", ways, rounds, ("fetch", 443, 1, 256 << 20))


def measure_names(bench, ways, rounds):
    own = [way for way in ways if way.name == "hydravisor"]
    in_turn("an answer to a question about a name", "ms", own, rounds, ("ask", 200), "target: 0.1 ms")


def measure_memory(bench, ways, _):
    print(f"\nmemory of what stands between (PSS), before and with {CONNECTIONS} open connections")
    for way in ways[1:]:
        before, begin = way.memory(), time.monotonic()
        (held,) = way.ask("hold", ANSWER_PORT, CONNECTIONS)
        print(f"  {way.name:<14} {before:8.1f} MB {way.memory():8.1f} MB   ({held:.0f} answered, opened in {time.monotonic() - begin:.2f} s)")
    print("  target: 40 MB", flush=True)


def measure_starts(bench, _, rounds):
    start = [hydravisor.CLI, "run", "--workspace", "none"]
    candidates = [lib.Candidate("run", [*start, "--", "/bin/true"], bench.world.env, bench.world.project),
                  lib.Candidate("run with a network", [*start, "--allow", HOST, "--", "/bin/true"], bench.world.env, bench.world.project)]
    for pause in (0.05, 0.0):
        # A start is prepared for by the last one, where that was of the same kind.
        medians = lib.compare("start", candidates, rounds * 10, pause, series=10)
        print(f"  the network adds {medians['run with a network'] - medians['run']:.2f} ms (target: 0.8 ms)", flush=True)


class Api:
    """The daemon's socket, for the call without the command around it."""

    def __init__(self, bench):
        self.connection = http.client.HTTPConnection("localhost")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(os.path.join(bench.world.env["XDG_RUNTIME_DIR"], "hydravisor/hydravisord.sock"))
        self.caller = {"environment": [], "directory": bench.world.project, "uid": os.geteuid(), "gid": os.getegid()}

    def allow(self, name, rule):
        body = json.dumps({"allow": [rule], "caller": self.caller})
        self.connection.request("POST", f"/v1/sandboxes/{name}/network", body, {"Content-Type": "application/json"})
        with self.connection.getresponse() as answer:
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"the change was answered {answer.status}: {text.decode()}")


def measure_changes(bench, ways, rounds):
    """From just before a change until a client inside, which tries all the time, has its first byte from a host that was out of reach."""
    own = next(way for way in ways if way.name == "hydravisor")
    api, elapsed = Api(bench), {"API, call": [], "API, felt": [], "net, command": [], "net, felt": []}

    def by_command(rule):
        subprocess.run([hydravisor.CLI, "net", "bench", "--allow", rule], env=bench.world.env, cwd=bench.world.project, stdout=subprocess.DEVNULL,
                       check=True)

    commands = {"API": lambda rule: api.allow("bench", rule), "net": by_command}
    for number in range(min(rounds * 10, LATER // 2)):
        for turn, (name, change) in enumerate(commands.items()):
            later = number * 2 + turn
            own.tell("await", ANSWER_PORT, later)
            time.sleep(0.02)  # it has been refused some times
            begin = time.monotonic_ns() / 1e6
            change(f"later-{later}.{HOST}:{ANSWER_PORT}")
            end = time.monotonic_ns() / 1e6
            (reached,) = own.read()
            if reached < begin:
                raise SystemExit("the host was within reach before it was allowed")
            elapsed["API, call" if name == "API" else "net, command"].append(end - begin)
            elapsed[f"{name}, felt"].append(reached - begin)
    print("\na host is allowed while a sandbox runs: until the call or command has returned, and until a connection inside has an answer")
    for name, values in elapsed.items():
        values.sort()
        print(f"  {name:<14} {statistics.median(values):9.3f} ms   (p10 {values[len(values) // 10]:.3f}, p90 {values[len(values) * 9 // 10]:.3f},"
              f" n {len(values)})")
    print("  target: felt within 10 ms", flush=True)


PARTS = {"connect": measure_connections, "download": measure_downloads, "dns": measure_names, "memory": measure_memory, "start": measure_starts,
         "change": measure_changes}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    if os.geteuid() != 0:
        raise SystemExit("this makes network namespaces: run it as root")
    with contextlib.ExitStack() as undo:
        bench = Bench(undo)
        bench.world.ok("daemon", "status")
        parts = sys.argv[2:] or PARTS
        ways = [bench.hydravisor()] if list(parts) == ["change"] else [] if list(parts) == ["start"] else list(bench.ways())
        for part in parts:
            PARTS[part](bench, ways, rounds)


if __name__ == "__main__":
    main()
