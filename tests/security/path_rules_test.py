# labels: security
# as: user root
# timeout: 600
"""Rules about paths under attack: what `filesystem.read`, `.write`, `.hide` and `exec` say holds by whatever way a file is reached. Each
attack is run twice, under the rule and where the rule is absent: there it has to get through, or it would prove nothing. What a rule
does not cover gets through here too, and has to be what `policy explain` says."""

import os
import shutil

import hydravisor

# Swaps two places back and forth, as fast as it can, while a second process tries one of them; a few thousand times are enough.
RACE = """
import os, sys, time
first, second, used, act = sys.argv[1:5]
def swap():
    # Without a moment in which neither is there.
    for target in (second, first):
        os.symlink(target, used + '.new'); os.rename(used + '.new', used)
os.symlink(first, used)
child = os.fork()
if child == 0:
    while True: swap()
end = time.monotonic() + 0.5
while time.monotonic() < end:
    try:
        if act == 'read': sys.stdout.write(open(used).read())
        else: open(used, 'r+').write('ATTACKED')
    except OSError: pass
os.kill(child, 9); os.waitpid(child, 0)
"""
# The same with the directory above: it has two names in turn.
RENAMES = """
import os, sys, time
directory, file = sys.argv[1:3]
child = os.fork()
if child == 0:
    while True:
        for pair in ((directory, directory + '.x'), (directory + '.x', directory)):
            try: os.rename(*pair)
            except OSError: pass
end = time.monotonic() + 0.5
while time.monotonic() < end:
    for name in (directory, directory + '.x'):
        try: sys.stdout.write(open(name + '/' + file).read())
        except OSError: pass
os.kill(child, 9); os.waitpid(child, 0)
"""


class PathCase(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.granted = self.world.directory("granted")
        self.beside = self.world.directory("beside")
        self.put(self.granted, "data", "before")
        self.put(self.granted, "sub/data", "before")
        self.put(self.beside, "secret", "SECRET")
        self.race = self.put(self.world.directory("tools"), "race.py", RACE)
        self.renames = self.put(self.world.directory("tools"), "renames.py", RENAMES)
        self.tools = os.path.dirname(self.race)

    def put(self, directory, name, content):
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def policy(self, name, text):
        self.put(self.world.directory("config/hydravisor/policies"), name + ".toml", "version = 1\n" + text)

    def shell(self, policy, script, mode="cow"):
        return self.world.cli("run", "--policy", policy, "--workspace", mode, "--read", self.tools, "--", "sh", "-c", script)

    def assert_explained(self, policy, key, words):
        rules = {rule["key"]: rule for rule in self.world.json("policy", "explain", policy)["rules"]}
        self.assertIn(words, rules[key]["not_covered"])


class Hide(PathCase):
    # Each prints what it got of vault/key.pem.
    ATTACKS = {
        "by its name": "cat vault/key.pem",
        "dots": "cat vault/../vault/./key.pem",
        "a link": "ln -s vault/key.pem l; cat l",
        "a link to the directory": "ln -s vault l; cat l/key.pem",
        "a link that is swapped": "/usr/bin/python3 {race} open vault/key.pem used read",
        "the directory renamed": "mkdir -p own/vault && cp vault/key.pem own/vault/; mv vault other; cat other/key.pem",
        "renames in a race": "/usr/bin/python3 {renames} vault key.pem",
        "a second name": "ln vault/key.pem second; cat second",
        "a second name of what is open": "exec 3<vault/key.pem; ln -L /proc/self/fd/3 second; cat second",
        "moved away": "mv vault/key.pem moved; cat moved vault/key.pem",
        "removed, and what is then there": "mv vault gone; rm -f vault/key.pem; cat vault/key.pem gone/key.pem",
        "/proc/self/root": "cat /proc/self/root$PWD/vault/key.pem",
        "/proc/self/cwd": "cat /proc/self/cwd/vault/key.pem",
        "a descriptor of the directory": "exec 3<vault; cat /proc/self/fd/3/key.pem",
        "bound without what is mounted in it": "unshare -Urm sh -c 'mount --bind . /tmp; cat /tmp/vault/key.pem'",
        "unmounted": "unshare -Urm sh -c 'umount vault/key.pem; umount -l vault/key.pem; cat vault/key.pem'",
        "another view of the file system": "unshare -Urm sh -c 'mount -t overlay -o lowerdir=.,userxattr none /tmp && cat /tmp/vault/key.pem'; "
                                           "cat vault/key.pem",
        "packed": "tar cf - vault | cat",
        "copied": "cp -a vault other; cat other/key.pem",
    }

    def run_all(self, policy, mode):
        reached = set()
        for name, script in self.ATTACKS.items():
            shutil.rmtree(self.world.project)
            self.world.directory("project")
            self.world.write("vault/key.pem", "SECRET")
            self.world.write("open", "open")
            result = self.shell(policy, script.format(race=self.race, renames=self.renames), mode)
            if b"SECRET" in result.stdout:
                reached.add(name)
        return reached

    def test_holds_by_every_way(self):
        for mode, nested in (("cow", False), ("live", False), ("cow", True)):
            with self.subTest(mode=mode, nested=nested):
                more = "[privileges]\nnested_sandboxes = true\n" if nested else ""
                self.policy("hiding", '[filesystem]\nhide = ["*.pem"]\n' + more)
                self.policy("showing", more)
                self.assertEqual(self.run_all("hiding", mode), set())
                # Mounts need a namespace.
                absent = set() if nested else {"bound without what is mounted in it", "unmounted"}
                self.assertEqual(self.run_all("showing", mode), set(self.ATTACKS) - absent)

    def test_what_it_does_not_cover_is_what_it_says(self):
        self.policy("hiding", '[filesystem]\nhide = ["*.pem", "vault/named"]\n')
        for name in ("key.pem", "named"):
            self.world.write("vault/" + name, "SECRET")
        os.link(os.path.join(self.world.project, "vault/key.pem"), os.path.join(self.world.project, "second"))
        self.world.write("KEY.PEM", "OTHER CASE")
        self.assertEqual(self.shell("hiding", "cat second vault/* KEY.PEM; echo later > later.pem; cat later.pem").stdout,
                         b"SECRETOTHER CASElater\n")
        for words in ("appears later", "a second name"):
            self.assert_explained("hiding", "filesystem.hide", words)
        # A name that is hidden is hidden wherever a live run moved the file; a path is not the file's own.
        self.shell("hiding", "mv vault other", "live")
        self.assertEqual(self.shell("hiding", "cat other/*", "live").stdout, b"SECRET")
        self.assert_explained("hiding", "filesystem.hide", "moved")

    def test_holds_in_what_a_former_start_left(self):
        self.world.write("deep/vault/key.pem", "SECRET")
        self.policy("hiding", '[filesystem]\nhide = ["*.pem"]\n')
        self.policy("showing", "")
        for policy, seen in (("hiding", False), ("showing", True)):
            for number, script in enumerate(("mv deep/vault deep/other", "mv deep other", "rm -rf deep; mkdir -p deep/vault", "cp -a deep deep2; rm -r deep",
                                             "mv deep d; ln -s d deep", "ln -s deep/vault/key.pem l")):
                name = self.world.ok("create", "--policy", policy, "--name", f"{policy}-{number}").strip()
                self.world.ok("start", name)
                self.world.cli("exec", name, "--", "sh", "-c", script)
                self.world.ok("stop", name)
                self.world.ok("start", name)
                self.assertNotIn(b"SECRET", self.world.cli("exec", name, "--", "sh", "-c", "cat l; find . -type f -exec cat {} +").stdout
                                 if not seen else b"", (policy, script))
                if seen and not script.startswith("rm"):
                    self.assertIn(b"SECRET", self.world.cli("exec", name, "--", "sh", "-c", "find . -type f -exec cat {} +").stdout, script)


class Grants(PathCase):
    # Each tries to change what lies in the directory $G.
    WRITES = {
        "by its name": "echo ATTACKED > $G/data",
        "dots": "echo ATTACKED > $G/sub/../data",
        "a link": "ln -s $G/data l; echo ATTACKED > l",
        "a link that is swapped": "echo x > own; /usr/bin/python3 {race} own $G/data used write",
        "a second name": "ln $G/data $G/second && echo ATTACKED > $G/second",
        "a descriptor": "exec 3<$G/data; echo ATTACKED > /proc/self/fd/3",
        "/proc/self/root": "echo ATTACKED > /proc/self/root$G/data",
        "a new file": "echo ATTACKED > $G/new",
        "a rename into it": "echo ATTACKED > $G/sub/x; echo ATTACKED > mine; mv mine $G/moved",
        "a rename in it": "mv $G/data $G/ATTACKED",
        "removed": "rm $G/data && touch $G/ATTACKED",
        "its mode": "chmod 777 $G/data && touch $G/ATTACKED",
        "mounted anew": "unshare -Urm sh -c 'mount --bind $G /tmp && mount -o remount,bind,rw /tmp; echo ATTACKED > /tmp/data'",
        "mounted anew in its place": "unshare -Urm sh -c 'mount -o remount,bind,rw $G; echo ATTACKED > $G/data'",
    }
    # Each prints what it got of the file beside it.
    READS = {
        "dots": "cat $G/../beside/secret",
        "dots behind a link": "ln -s $G l; cat l/../beside/secret",
        "a link of the host": "cat $G/out",
        "a link": "ln -s $B/secret l; cat l",
        "a link that is swapped": "/usr/bin/python3 {race} $G/data $B/secret used read",
        "/proc/self/root": "cat /proc/self/root$B/secret",
        "the root of init": "cat /proc/1/root$B/secret; cat /proc/self/root$B/secret",
        "mounted": "unshare -Urm sh -c 'mount --bind $B /tmp; cat /tmp/secret'",
    }

    def fresh(self):
        for directory in (self.granted, self.beside):
            shutil.rmtree(directory)
        self.put(self.granted, "data", "before")
        self.put(self.granted, "sub/data", "before")
        os.chmod(os.path.join(self.granted, "data"), 0o644)
        self.put(self.beside, "secret", "SECRET")
        os.symlink("../beside/secret", os.path.join(self.granted, "out"))

    def is_attacked(self):
        for folder, _, names in os.walk(self.granted):
            for name in names:
                path = os.path.join(folder, name)
                if "ATTACKED" in name or not os.path.exists(path):
                    return "ATTACKED" in name
                with open(path, encoding="utf-8") as file:
                    if "ATTACKED" in file.read():
                        return True
        return False

    def run_one(self, policy, script):
        self.fresh()
        return self.shell(policy, f"G={self.granted} B={self.beside}; export G B; " + script.replace("{race}", self.race))

    def test_to_read_are_never_written(self):
        nested = "[privileges]\nnested_sandboxes = true\n"
        self.policy("reading", f'[filesystem]\nread = ["{self.granted}"]\n' + nested)
        self.policy("writing", f'[filesystem]\nwrite = ["{self.granted}"]\n' + nested)
        for policy, expected in (("reading", set()), ("writing", set(self.WRITES))):
            reached, said = set(), {}
            for name, script in self.WRITES.items():
                result = self.run_one(policy, script)
                if self.is_attacked():
                    reached.add(name)
                else:
                    said[name] = (result.returncode, result.stderr)
            self.assertEqual(reached, expected, f"{policy}: {said if expected else reached}")

    def test_show_nothing_beside_them(self):
        nested = "[privileges]\nnested_sandboxes = true\n"
        for key in ("read", "write"):
            self.policy("one", f'[filesystem]\n{key} = ["{self.granted}"]\n' + nested)
            self.policy("both", f'[filesystem]\n{key} = ["{self.granted}", "{self.beside}"]\n' + nested)
            for policy, expected in (("one", set()), ("both", set(self.READS))):
                reached = {name for name, script in self.READS.items() if b"SECRET" in self.run_one(policy, script).stdout}
                self.assertEqual(reached, expected, (key, policy))

    def test_are_what_was_there_at_the_start_and_what_comes_later_in_them(self):
        self.policy("reading", f'[filesystem]\nread = ["{self.granted}", "{self.beside}/secret"]\n')
        self.world.ok("run", "--detach", "--name", "web", "--policy", "reading", "--", "sleep", "300")
        self.put(self.granted, "later", "LATER")
        # Another file under the name of one that was granted is another file, and the directory that took a name too.
        self.put(self.beside, "other", "OTHER")
        os.rename(os.path.join(self.beside, "other"), os.path.join(self.beside, "secret"))
        os.rename(self.granted, self.granted + "-old")
        self.put(self.granted, "later", "REPLACED")
        result = self.world.cli("exec", "web", "--", "sh", "-c", f"cat {self.granted}/later {self.beside}/secret")
        self.assertEqual(result.stdout, b"LATERSECRET")
        self.assert_explained("reading", "filesystem.read", "second name")

    def test_do_not_follow_links_that_an_agent_could_have_made(self):
        target = os.path.join(self.beside)
        for place, writing in ((self.granted, f'write = ["{self.granted}"]'), (self.world.project, "")):
            mode = "live" if place == self.world.project else "cow"
            for named in ("link", "*.link", "link/secret"):
                for key in ("read", "write"):
                    with self.subTest(place=place, named=named, key=key):
                        self.fresh()
                        grant = os.path.join(place, named)
                        lists = {"read": [], "write": [self.granted] if writing else []}
                        lists[key].append(grant)
                        self.policy("growing", "[filesystem]\n" + "".join(f"{k} = {v!r}\n".replace("'", '"') for k, v in lists.items()))
                        name = "a.link" if "*" in named else "link"
                        made = self.shell("growing", f"ln -sfn {target} {place}/{name}; ls -l {place}/{name}", mode)
                        self.assertIn(b"->", made.stdout, made)
                        result = self.shell("growing", f"cat {self.beside}/secret", mode)
                        self.assert_refused(result, "link", name)
                        os.unlink(os.path.join(place, name))
        # The control: a link where no agent writes is followed.
        self.fresh()
        os.symlink(target, os.path.join(self.world.top, "link"))
        self.policy("growing", f'[filesystem]\nread = ["{self.world.top}/link"]\n')
        self.assertEqual(self.shell("growing", f"cat {self.world.top}/link/secret").stdout, b"SECRET")


class Programs(PathCase):
    # Each tries to have /usr/bin/id print.
    ATTACKS = {
        "by its name": "id -u",
        "by its path": "/usr/bin/id -u",
        "dots": "/usr/bin/../bin/id -u",
        "a link": "ln -s /usr/bin/id tool; ./tool -u",
        "a link under an allowed name": "ln -s /usr/bin/id cat; ./cat -u",
        "a link that is swapped": "ln -s /usr/bin/id used; for i in 1 2 3 4 5 6 7 8; do ln -sfn /usr/bin/cat n; mv -T n used; ln -sfn /usr/bin/id n; mv -T n used; "
                                  "./used -u; done",
        "a copy": "cp /usr/bin/id tool; ./tool -u",
        "a second name": "ln /usr/bin/id tool; ./tool -u; /usr/bin/id -u",
        "a descriptor": "exec 3</usr/bin/id; /proc/self/fd/3 -u",
        "/proc/self/root": "/proc/self/root/usr/bin/id -u",
        "a directory of links": "ln -s /usr/bin tools; tools/id -u",
        "by a search": "PATH=/bin:/usr/bin; export PATH; env -i /usr/bin/id -u",
    }
    # These read the file and have something else run it.
    LOADED = {
        "the loader": "$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -1) /usr/bin/id -u",
        "from memory": "/usr/bin/python3 -c 'import os\nm = os.memfd_create(\"m\")\nos.write(m, open(\"/usr/bin/id\", \"rb\").read())\n"
                       "os.execv(f\"/proc/self/fd/{m}\", [\"id\", \"-u\"])'",
    }

    def ran(self, policy, attacks):
        reached = set()
        for name, script in attacks.items():
            shutil.rmtree(self.world.project)
            self.world.directory("project")
            uid = b"1000" if os.geteuid() == 0 else str(os.geteuid()).encode()
            result = self.shell(policy, script)
            if uid in result.stdout:
                reached.add(name)
        return reached

    def test_that_are_denied_do_not_start_by_any_way(self):
        everything = {**self.ATTACKS, **self.LOADED}
        for rule in ('deny = ["id"]', 'deny = ["/usr/bin/id"]', 'deny = ["/usr/bin/i?"]'):
            self.policy("denying", f"[exec]\n{rule}\n")
            self.assertEqual(self.ran("denying", everything), set(), rule)
        self.policy("free", "")
        self.assertEqual(self.ran("free", everything), set(everything))

    def test_that_no_rule_allows_do_not_start_but_by_what_is_said(self):
        tools = ["sh", "dash", "ln", "cp", "mv", "cat", "ls", "head", "env", "/usr/bin/python3*"]
        for more, loaded in (("", set(self.LOADED)), ('[syscalls]\ndeny = ["memfd_create"]\n', {"the loader"})):
            self.policy("few", f'[exec]\ndefault = "deny"\nallow = [{", ".join(f"{tool!r}" for tool in tools)}]\n'.replace("'", '"') + more)
            self.assertEqual(self.ran("few", self.ATTACKS), set())
            self.assertEqual(self.ran("few", self.LOADED), loaded)
        self.assert_explained("few", "exec.default", "loader or interpreter")
        self.assert_explained("few", "exec.allow", "memfd")
        # The control: one more name in the list.
        self.policy("few", f'[exec]\ndefault = "deny"\nallow = [{", ".join(f"{tool!r}" for tool in [*tools, "id"])}]\n'.replace("'", '"'))
        self.assertEqual(self.ran("few", self.ATTACKS), set(self.ATTACKS) - {"a copy"})

    def test_that_appear_later_are_what_is_said(self):
        # A name is looked for where programs are; another program that does the same is not that one.
        self.world.write("id", "#!/bin/sh\necho mine\n", 0o755)
        self.policy("denying", '[exec]\ndeny = ["id"]\n')
        self.assertEqual(self.shell("denying", "./id; cat /usr/bin/env > copy; chmod +x copy; ./copy | wc -l | grep -qv '^0' && echo copied").stdout,
                         b"mine\ncopied\n")
        self.assert_explained("denying", "exec.deny", "a copy")
        # What may be written and may be started is whatever was written.
        self.world.write("bin/tool", "#!/bin/sh\necho before\n", 0o755)
        self.policy("own", '[exec]\ndefault = "deny"\nallow = ["sh", "dash", "cat", "cp", "bin/tool"]\n')
        self.assertEqual(self.shell("own", "bin/tool; printf '#!/bin/sh\\necho written\\n' > bin/tool; bin/tool").stdout, b"before\nwritten\n")
        self.assert_explained("own", "exec.allow", "may write")
        # By another file under its name it does not start.
        result = self.shell("own", "printf '#!/bin/sh\\necho other\\n' > new; cp new bin/new; cp bin/tool bin/old; "
                                   "/bin/sh -c 'exec 2>/dev/null; bin/new; bin/old'; echo end")
        self.assertEqual(result.stdout, b"end\n")


if __name__ == "__main__":
    hydravisor.main()
