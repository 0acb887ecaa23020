# labels: security
# as: root
# timeout: 600
"""A hostile program beside its gateway: floods, garbage and half a message of everything. The gateway stays alive and small, and so do the
daemon and other sandboxes."""

import os
import time

import fake_internet
import hydravisor

ALLOWED = ["allowed.example", "allowed.example:22", "allowed.example:8080", "*.wild.example"]

# Each runs inside with `A`, the address of allowed.example, and `apart(n, f)`, which runs f in n processes.
PRELUDE = """
import os, socket, struct, time
A = socket.gethostbyname('allowed.example')
def apart(count, function):
  for number in range(count):
    if os.fork() == 0:
      try: function(number)
      finally: os._exit(0)
  for _ in range(count): os.wait()
def dial(port, to=None):
  s = socket.socket(); s.settimeout(5); s.connect((to or A, port)); return s
def quietly(function, *arguments):
  try: return function(*arguments)
  except OSError: return None
print('ready', flush=True)
"""

ATTACKS = {
    "ten thousand connections that say nothing": """
def open_many(number):
  kept = []
  for i in range(1250):
    s = socket.socket(); s.setblocking(False); quietly(s.connect, (A, 443)); kept.append(s)
  time.sleep(4)
apart(8, open_many)
""",
    "heads that never end": """
def begin_many(number):
  kept = [dial(80) for i in range(700)]
  for s in kept: s.setblocking(False); quietly(s.send, b'GET / HTTP/1.1\\r\\nX: ' + b'x' * 63000)
  time.sleep(4)
apart(4, begin_many)
""",
    "connections that hang up at once": """
def churn(number):
  end = time.time() + 4
  while time.time() < end:
    for port in (22, 80):
      s = socket.socket(); quietly(s.connect, (A, port)); quietly(s.send, b'GET / HTTP/1.1\\r\\nHost: allowed.example\\r\\n\\r\\n')
      s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()
apart(4, churn)
""",
    "different refusals without end": """
def refused(number):
  end, i, u = time.time() + 4, 0, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  while time.time() < end:
    i += 1
    to = '9.%d.%d.%d' % (number, i >> 8 & 255, i & 255)
    quietly(u.sendto, b'x' * 100, (to, 1 + i % 60000))
    if i % 8 == 0: s = quietly(dial, 443, to); s and s.close()
apart(4, refused)
""",
    "names without end, allowed and not": """
def ask(number):
  u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(('127.0.0.1', 53)); u.setblocking(False)
  end, i = time.time() + 4, 0
  while time.time() < end:
    i += 1
    label = b'%08d' % (i * 4 + number)
    quietly(u.send, b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x08' + label + (b'\\4wild' if i % 2 else b'\\4evil') + b'\\7example\\0\\0\\1\\0\\1')
apart(4, ask)
""",
    "questions of every wrong shape": """
name = b'\\3www\\4evil\\7example\\0'
def question(head, body): return b'\\x12\\x34' + head + body
shapes = [b'', b'\\0', b'\\xff' * 500, question(b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0', b'\\xc0\\x0c\\0\\1\\0\\1'), question(b'\\1\\0\\0\\2\\0\\0\\0\\0\\0\\0', (name + b'\\0\\1\\0\\1') * 2),
  question(b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0', name + b'\\0\\xff\\0\\1'), question(b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0', b'\\x3f' * 700), question(b'\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0', name + b'\\0\\1\\0\\1'),
  question(b'\\1\\0\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff', name), question(b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0', b'\\3wWw\\4eV\\0l\\7eXample\\0\\0\\x10\\0\\1')]
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3000): quietly(u.sendto, shapes[i % len(shapes)], ('9.9.9.9', 53))
kept = []
for i in range(400):
  s = quietly(dial, 53, '9.9.9.9')
  if s: quietly(s.send, b'\\xff\\xff' + b'z' * 60000); kept.append(s)
""",
    "garbage": """
import random
random.seed(1)
beginnings = [b'', b'\\x16\\3\\1\\xff\\xff', b'\\x16\\3\\1\\0\\5\\1\\0\\0\\1\\0', b'\\x80\\x2e\\1\\0\\2', b'GET ', b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', b'SSH-', b'\\5\\1\\0', b'\\r\\n' * 60]
for i in range(1500):
  s = quietly(dial, (443, 80, 22, 8080, 3128)[i % 5], '127.0.0.1' if i % 5 == 4 else None)
  if not s: continue
  quietly(s.send, beginnings[i % len(beginnings)] + bytes(random.randrange(256) for _ in range(200))); s.close()
""",
    "a thousand readers who do not read": """
kept = []
for i in range(900):
  s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
  if quietly(s.connect, (A, 8080)) is None: quietly(s.send, b'GET / HTTP/1.1\\r\\nHost: allowed.example:8080\\r\\n\\r\\n'); kept.append(s)
time.sleep(3)
""",
}


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


class Attacks(hydravisor.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.internet = internet = fake_internet.FakeInternet()
        cls.addClassCleanup(internet.close)
        internet.name("allowed.example", v4=["5.6.0.9"])
        internet.canary("5.6.0.9", ports=(22, 80, 443))
        internet.serve("5.6.0.9", 8080, cls.talk_much)

    @staticmethod
    def talk_much(connection):
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000)

    def setUp(self):
        super().setUp()
        self.world.preexec = self.internet.enter

    def fetch(self):
        began = time.monotonic()
        result = self.run_in_sandbox("curl", "-sS", "--max-time", "15", "http://allowed.example/", options=self.allow)
        self.assertIn(b"canary", result.stdout, result.stderr)
        return time.monotonic() - began

    allow = [word for host in ALLOWED for word in ("--allow", host)]

    def test_floods_leave_everybody_else_alone(self):
        for number, (name, attack) in enumerate(ATTACKS.items()):
            with self.subTest(name):
                sandbox = f"attacker-{number}"
                process = self.world.start_cli("run", "--name", sandbox, *self.allow, "--", "python3", "-c", PRELUDE + attack + "\nprint(dial(80) and 'reachable')")
                self.assertEqual(process.stdout.readline(), b"ready\n")
                (_, worker), = self.world.gateways(sandbox)
                slowest, largest = 0.0, 0
                while process.poll() is None:
                    # It may end at any moment.
                    try:
                        largest = max(largest, int(status(worker).get("VmHWM", "0 kB").split()[0]))
                    except OSError:
                        break
                    began = time.monotonic()
                    self.world.ok("ls")
                    slowest = max(slowest, time.monotonic() - began, self.fetch())
                out, err = process.communicate(timeout=60)
                self.assertIn(b"reachable", out, err)
                self.assertLess(slowest, 15, "others waited")
                self.assertLess(largest, 128 * 1024, "KiB of the gateway")
                lost = self.world.json("audit", "ls", "--kind", "sandbox.network_lost", "--limit", "1")["items"]
                self.assertEqual(lost, [], "the gateway died too often")
                print(f"\n  {name}: slowest {slowest:.2f} s, gateway {largest} KiB", end=" ", flush=True)

    def test_connections_are_recorded_no_faster_than_a_disk_can_hold(self):
        # Thirty thousand would be some 11 MiB.
        churn = ("def churn(number):\n  for i in range(7500):\n    s = socket.socket(); s.settimeout(3); quietly(s.connect, (A, 22)); s.close()\n"
                 "    if time.time() > end: break\n")
        process = self.world.start_cli("run", "--name", "churn", "--keep", *self.allow, "--", "python3", "-c",
                                       PRELUDE + churn + "end = time.time() + 25\napart(4, churn)")
        process.communicate(timeout=90)
        self.world.note()
        size = sum(os.lstat(os.path.join(folder, file)).st_size
                   for folder, _, files in os.walk(os.path.join(self.world.state, "hydravisor", "sandboxes")) for file in files)
        self.assertLess(size, 7 << 20, "bytes of the spool")
        print(f"{size >> 10} KiB", end=" ", flush=True)


if __name__ == "__main__":
    hydravisor.main()
