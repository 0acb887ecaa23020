"""A machine that lacks something, for the commands of one test alone: what cannot be taken away in a mount namespace is refused by a filter of
system calls, which to a program is the same as a kernel without it.

    place = lacking.Place(world, user)         # commands of this world run as `user` in a mount namespace of their own
    place.as_root("mount --bind /dev/null /usr/bin/newuidmap")
    place.refuse(errno.ENOSYS, "landlock_create_ruleset")
"""

import ctypes
import os
import struct
import subprocess

import hydravisor
import run_as

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_RET_ALLOW, _RET_ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
# x86-64
NUMBERS = {"socket": 41, "seccomp": 317, "process_vm_readv": 310, "landlock_create_ruleset": 444}


def _instruction(code, yes, no, value):
    return struct.pack("=HBBI", code, yes, no, value)


def _filter(refusals):
    """A BPF program that answers each (call, argument, value, errno) so; an argument of None is any."""
    program = b""
    for number, argument, value, error in refusals:
        program += _instruction(_LOAD, 0, 0, 0)
        if argument is None:
            program += _instruction(_EQUAL, 0, 1, number)
        else:
            program += _instruction(_EQUAL, 0, 3, number) + _instruction(_LOAD, 0, 0, 16 + 8 * argument) + _instruction(_EQUAL, 0, 1, value)
        program += _instruction(_RETURN, 0, 0, _RET_ERRNO | error)
    return program + _instruction(_RETURN, 0, 0, _RET_ALLOW)


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Place:
    """Needs root. Stop the daemon, then close this, then the world."""

    def __init__(self, world, user=None):
        self.world = world
        self.user = user
        self.refusals = []
        # Keeps the namespace; ends when its standard input does.
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"\n"
        if user:
            for folder, _, names in os.walk(world.top):
                for path in [folder, *(os.path.join(folder, name) for name in names)]:
                    os.chown(path, user.pw_uid, user.pw_gid)
        world.preexec = self.enter

    def close(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait(10)
        self.world.preexec = None

    def refuse(self, error, call, argument=None, value=0):
        """The call, or the call with this value of an argument, fails so from now on."""
        self.refusals.append((NUMBERS[call], argument, value, error))

    def enter(self):
        """For preexec_fn."""
        with open(f"/proc/{self.holder.pid}/ns/mnt", "rb") as namespace:
            _check(_LIBC.setns(namespace.fileno(), _CLONE_NEWNS), "setns")
        if self.refusals:
            # Without no_new_privs, so that newuidmap keeps its right: root may.
            program = _filter(self.refusals)
            buffer = ctypes.create_string_buffer(program, len(program))
            description = struct.pack("@HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
            _check(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(description, len(description)), 0, 0), "seccomp")
        if self.user:
            run_as.become(self.user)
        os.chdir(self.world.project)

    def as_root(self, script):
        """What an administrator does on this machine."""
        subprocess.run(["nsenter", "--mount=" + f"/proc/{self.holder.pid}/ns/mnt", "sh", "-ec", script], check=True, capture_output=True, cwd="/")

    def follow(self, fix):
        """Does what a fix says, word for word: the part after "as root: ", then what the user does."""
        root, _, own = fix.partition("; then: ")
        assert root.startswith("as root: "), fix
        self.as_root(root.removeprefix("as root: ").partition("; to keep it: ")[0])
        if own:
            assert own == "hydravisor daemon stop", own
            self.world.stop_daemon()
