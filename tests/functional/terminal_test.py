# as: user root
"""On a terminal the sandbox's program has one too: raw bytes, sizes, Ctrl-C, detach and attach."""

import hydravisor
from terminal import Terminal


class OnATerminal(hydravisor.TestCase):
    def terminal(self, *arguments, rows=24, columns=80):
        terminal = Terminal([hydravisor.CLI, *arguments], self.world.env, self.world.project, rows, columns)
        self.addCleanup(terminal.close)
        return terminal

    def test_the_program_sees_one(self):
        terminal = self.terminal("run", "--", "sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all three")
        terminal.expect("/dev/pts/[0-9]+")
        terminal.expect("all three")
        self.assertEqual(terminal.end(), 0)

    def test_its_size_arrives_and_follows(self):
        terminal = self.terminal("run", "--", "sh", "-c", "stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done",
                                 rows=33, columns=101)
        terminal.expect("33 101")
        terminal.expect("ready")
        terminal.resize(40, 120)
        terminal.expect("40 120")
        self.assertEqual(terminal.end(), 0)

    def test_what_is_typed_arrives_raw(self):
        terminal = self.terminal("run", "--", "sh", "-c", "stty raw -echo; echo ready; head -c 4 | od -An -tx1")
        terminal.expect("ready")
        terminal.type(b"\x01\x04\x1a\r")
        terminal.expect("01 04 1a 0d")
        self.assertEqual(terminal.end(), 0)

    def test_ctrl_c_interrupts_the_program_inside(self):
        terminal = self.terminal("run", "--", "sh", "-c", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done")
        terminal.expect("ready")
        terminal.type(b"\x03")
        terminal.expect("caught")
        self.assertEqual(terminal.end(), 5)

    def test_the_settings_are_as_before_afterwards(self):
        terminal = self.terminal("run", "--", "sh", "-c", "echo ready; read line")
        terminal.expect("ready")
        raw = terminal.settings()
        terminal.type("done\r")
        self.assertEqual(terminal.end(), 0)
        after = terminal.settings()
        self.assertNotEqual(raw[3], after[3], "it was never raw")
        self.assertTrue(after[3] & 0o10, "echo is off")

    def test_detach_leaves_it_running_and_attach_comes_back(self):
        terminal = self.terminal("run", "--name", "d", "--", "sh", "-c", "echo ready; read line; echo got $line; exit 4")
        terminal.expect("ready")
        terminal.type(b"\x10\x11")
        self.assertEqual(terminal.end(), 0)
        self.assertEqual(self.world.json("inspect", "d")["state"], "running")
        again = self.terminal("attach", "d")
        again.type("hello\r")
        again.expect("got hello")
        self.assertEqual(again.end(), 4)

    def test_a_closed_window_is_a_hangup_for_the_program(self):
        terminal = self.terminal("run", "--name", "h", "--", "sh", "-c", "echo ready; sleep 600")
        terminal.expect("ready")
        terminal.close()
        hydravisor.wait_for(lambda: all(item["state"] == "stopped" for item in self.world.json("ls")["items"]), 10, "the end of the sandbox")

    def test_exec_has_one_when_asked(self):
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("start", "s")
        terminal = self.terminal("exec", "s", "-it", "--", "sh")
        terminal.expect("[#$] ")
        terminal.type("stty size; exit 6\r")
        terminal.expect("24 80")
        self.assertEqual(terminal.end(), 6)

    def test_output_that_would_set_the_clipboard_is_held_back(self):
        terminal = self.terminal("run", "--", "printf", r"a\033]52;c;aGFja2Vk\007b\n")
        terminal.expect("b\r?\n")
        terminal.end()
        self.assertNotIn(b"52;c", terminal.shown)


if __name__ == "__main__":
    hydravisor.main()
