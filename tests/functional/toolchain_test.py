# as: user root
"""Tools installed in a home directory run inside, read-only, without the rest of that home."""

import os
import shutil
import subprocess

import hydravisor


class Toolchain(hydravisor.TestCase):
    def install(self, path, content, mode=0o755):
        path = os.path.join(self.world.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def path_first(self, *directories):
        return {"PATH": ":".join([*[os.path.join(self.world.home, directory) for directory in directories], self.world.env["PATH"]])}

    def test_a_node_in_nvms_layout_runs(self):
        node = shutil.which("node") or hydravisor.skip_or_fail("node is not installed")
        version = ".nvm/versions/node/v22.0.0"
        os.makedirs(os.path.join(self.world.home, version, "bin"))
        shutil.copy(os.path.realpath(node), os.path.join(self.world.home, version, "bin/node"))
        self.install(f"{version}/lib/node_modules/greeter/cli.js", b"#!/usr/bin/env node\nconsole.log(require('./words').hello)\n")
        self.install(f"{version}/lib/node_modules/greeter/words.js", b"exports.hello = 'hello from a module'\n", 0o644)
        os.symlink("../lib/node_modules/greeter/cli.js", os.path.join(self.world.home, version, "bin/greeter"))
        self.install(".ssh/id_ed25519", b"private\n", 0o600)
        env = self.path_first(f"{version}/bin")
        self.assert_output(self.run_in_sandbox("greeter", env=env), "hello from a module\n")
        result = self.run_in_sandbox("node", "-e", "console.log(process.execPath)", env=env)
        self.assert_output(result, os.path.join(self.world.home, version, "bin/node") + "\n")
        result = self.run_in_sandbox("sh", "-c", f"cat ~/.ssh/id_ed25519; echo x > {self.world.home}/{version}/bin/evil", env=env)
        self.assertNotIn(b"private", result.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.world.home, version, "bin/evil")))

    def test_a_python_in_pyenvs_layout_runs_through_its_shim(self):
        root = ".pyenv/versions/3.11.99"
        binary = os.path.join(self.world.home, root, "bin/python3.11")
        os.makedirs(os.path.dirname(binary))
        shutil.copy("/usr/bin/python3.11", binary)
        os.symlink("python3.11", os.path.join(os.path.dirname(binary), "python3"))
        self.install(f"{root}/lib/python3.11/site-packages/mine.py", b"print('my module')\n", 0o644)
        shim = f"#!/bin/sh\nexport PYTHONPATH={self.world.home}/{root}/lib/python3.11/site-packages\nexec {binary} \"$@\"\n"
        self.install(".pyenv/shims/python3", shim.encode())
        result = self.run_in_sandbox("python3", "-c", "import mine, sys; print(sys.executable)", env=self.path_first(".pyenv/shims", f"{root}/bin"))
        self.assert_output(result, f"my module\n{binary}\n")

    def test_links_are_followed_to_where_a_tool_really_is(self):
        self.install("apps/tool-1.0/bin/tool", b"#!/bin/sh\ncat \"$(dirname \"$(readlink -f \"$0\")\")/../share/data\"\n")
        self.install("apps/tool-1.0/share/data", b"found\n", 0o644)
        os.makedirs(os.path.join(self.world.home, ".local/bin"))
        os.symlink("../../apps/tool-1.0/bin/tool", os.path.join(self.world.home, ".local/bin/tool"))
        self.assert_output(self.run_in_sandbox("tool", env=self.path_first(".local/bin")), "found\n")

    def test_a_compiler_of_the_system_works(self):
        self.world.write("a.c", "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 0; }\n")
        compiler = shutil.which("cc") or shutil.which("clang-22") or hydravisor.skip_or_fail("there is no C compiler")
        result = self.run_in_sandbox("sh", "-c", f"{os.path.basename(compiler)} a.c -o /tmp/a && /tmp/a")
        self.assert_output(result, "compiled\n")


class Home(hydravisor.TestCase):
    def test_is_kept_for_an_agent_in_a_project(self):
        self.run_in_sandbox("sh", "-c", "echo remembered > ~/note")
        self.assert_output(self.run_in_sandbox("sh", "-c", "cat ~/note"), "remembered\n")
        self.assertEqual(len(self.world.json("home", "ls")["items"]), 1)

    def test_is_new_when_asked(self):
        self.run_in_sandbox("sh", "-c", "echo remembered > ~/note")
        self.assertNotEqual(self.run_in_sandbox("sh", "-c", "cat ~/note", options=["--fresh-home"]).returncode, 0)

    def test_is_gone_after_home_rm(self):
        self.run_in_sandbox("sh", "-c", "echo remembered > ~/note")
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")
        self.world.ok("home", "rm", self.world.json("home", "ls")["items"][0]["key"])
        self.assertEqual(self.world.json("home", "ls")["items"], [])

    def test_never_is_the_hosts(self):
        self.run_in_sandbox("sh", "-c", "echo x > ~/note")
        self.assertFalse(os.path.exists(os.path.join(self.world.home, "note")))


class RootDirectory(hydravisor.TestCase):
    def test_can_be_another_root_file_system(self):
        busybox = shutil.which("busybox")
        rootfs = self.world.directory("rootfs")
        os.makedirs(os.path.join(rootfs, "bin"))
        if busybox:
            shutil.copy(busybox, os.path.join(rootfs, "bin/sh"))
        else:
            source = os.path.join(self.world.top, "sh.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write('#include <stdio.h>\nint main(void) { puts("another root"); return 0; }\n')
            subprocess.run(["clang-22", "-static", source, "-o", os.path.join(rootfs, "bin/sh")], check=True)
        result = self.run_in_sandbox("/bin/sh", "-c", "echo another root", options=["--rootfs", rootfs])
        self.assert_output(result, "another root\n")
        self.assertNotEqual(self.run_in_sandbox("/usr/bin/env", options=["--rootfs", rootfs]).returncode, 0)


if __name__ == "__main__":
    hydravisor.main()
