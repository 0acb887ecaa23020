# labels: security slow
# as: root
# timeout: 900
"""A hundred thousand attempts to get out, in a minute where the machine is quick enough: everything that has to do with them stays small,
everybody else is answered, and the ledger has a number that is right."""

import collections
import json
import os
import time

import fake_internet
import hydravisor

REFUSED, ALLOWED, ASKED = 75_000, 5_000, 20_000

# Each attempt is waited for, so that whoever is counted inside has to be counted outside.
FLOOD = f"""
import json, os, socket, struct, sys
allowed = socket.gethostbyname('allowed.example')
reset = struct.pack('ii', 1, 0)
def refused():
  try:
    with socket.create_connection(('9.9.9.9', 443), 120) as s: return s.recv(1) == b''
  except ConnectionResetError: return True
def permitted():
  s = socket.create_connection((allowed, 22), 120)
  if s.recv(100) != b'hello': raise OSError('no greeting')
  s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset); s.close()
  return True
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(120)
def asked():
  u.sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4evil\\7example\\0\\0\\1\\0\\1', ('127.0.0.1', 53))
  return u.recv(512)[:2] == b'\\x12\\x34'
def times(name, count, attempt):
  if os.fork() == 0:
    u.connect(('127.0.0.1', 53)) if name == 'asked' else None
    print(json.dumps([name, sum(attempt() for _ in range(count))]), flush=True); os._exit(0)
print('ready', flush=True)
for _ in range(3): times('refused', {REFUSED // 3}, refused)
times('permitted', {ALLOWED}, permitted)
times('asked', {ASKED}, asked)
for _ in range(5): os.wait()
"""


def largest(pid):
    """The most memory that a process ever had, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def is_gateway(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return b"hydravisor-gateway" in file.read()


class ManyConnections(hydravisor.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.internet = fake_internet.FakeInternet()
        cls.addClassCleanup(cls.internet.close)
        cls.internet.name("allowed.example", v4=["5.6.0.9"])
        cls.internet.serve("5.6.0.9", 22, cls.greet)

    def setUp(self):
        super().setUp()
        self.world.preexec = self.internet.enter

    @staticmethod
    def greet(connection):
        with connection:
            connection.sendall(b"hello")
            connection.recv(1)

    def processes(self, sandbox):
        """Who has to do with the flood, by name."""
        supervisor = self.world.json("inspect", sandbox)["supervisor_pid"]
        keeper, = [pid for pid in children(supervisor) if is_gateway(pid)]
        worker, = children(keeper)
        return {"gateway": worker, "supervisor": supervisor, "daemon": self.world.daemon_pid()}

    def counted(self, kind, **members):
        """(what the records of this kind stand for, how many records that are)"""
        items = self.world.json("audit", "ls", "--kind", kind, "--limit", "100000")["items"]
        found = [item["payload"] for item in items if members.items() <= item["payload"].items()]
        return sum(payload.get("count", 1) for payload in found), len(found)

    def test_a_hundred_thousand_attempts_stay_small_hold_up_nobody_and_are_counted(self):
        process = self.world.start_cli("run", "--name", "flood", "--keep", "--allow", "allowed.example:22", "--", "python3", "-c", FLOOD)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        began = time.monotonic()
        processes = self.processes("flood")
        small = {name: largest(pid) for name, pid in processes.items()}
        memory, waited = {}, collections.defaultdict(float)
        while process.poll() is None and time.monotonic() - began < 600:
            for name, pid in processes.items():
                try:
                    memory[name] = max(memory.get(name, 0), largest(pid))
                except (OSError, KeyError):
                    continue  # it is ending
            for name, command in (("ls", ["ls"]), ("start", ["run", "--workspace", "none", "--", "true"])):
                asked = time.monotonic()
                self.world.ok(*command)
                waited[name] = max(waited[name], time.monotonic() - asked)
        seconds = time.monotonic() - began
        out, err = process.communicate(timeout=60)
        made = collections.Counter()
        for line in out.splitlines():
            name, count = json.loads(line)
            made[name] += count
        self.assertEqual(made, {"refused": REFUSED, "permitted": ALLOWED, "asked": ASKED}, err)
        print(f"\n  {sum(made.values())} in {seconds:.0f} s; MiB {({name: round(value, 1) for name, value in memory.items()})}; "
              f"seconds waited {({name: round(value, 2) for name, value in waited.items()})}", end=" ", flush=True)
        for name, value in memory.items():
            self.assertLess(value, small[name] + 48, f"MiB of the {name}")
        self.assertLess(max(waited.values()), 15, "others waited")

        hydravisor.wait_for(lambda: self.world.json("inspect", "flood")["state"] == "stopped", 60, "the end")
        refused, records = self.counted("network.denied", address="9.9.9.9")
        self.assertEqual(refused, REFUSED)
        self.assertLess(records, 2 + seconds, "it is folded")
        self.assertEqual(self.counted("network.connection", host="allowed.example"), (ALLOWED, ALLOWED))
        self.assertEqual(self.counted("network.closed", host="allowed.example"), (ALLOWED, ALLOWED))
        asked, records = self.counted("network.dns", host="evil.example")
        self.assertEqual(asked, ASKED)
        self.assertLess(records, 2 + seconds, "it is folded")
        self.assertEqual(self.counted("sandbox.network_lost")[1], 0)
        spool = os.path.getsize(os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.json("inspect", "flood")["id"], "spool"))
        self.assertLess(spool, 4 << 20, "bytes of the spool")
        self.world.ok("audit", "verify")


if __name__ == "__main__":
    hydravisor.main()
