"""What each step is that crash_cycles kills before, and what is promised there. A step that no line here knows fails the test, so
that a new kind of work cannot come without a promise. docs/crashes.md has the same table with the times that each was hit."""

import re

# role, what kill_at calls it, the boundary's name, what is promised when the process dies exactly before it.
_TABLE = [
    ("command", r"(mkdir|create|clone|exec) (runtime|programs).*|clone", "a command, before it starts the daemon",
     "the next command starts it; nothing was asked"),
    ("command", r"send request .*", "a command, before its request", "nothing was asked"),
    ("command", r"send stream", "a command, before it passes input on", "the sandbox's command reads the end of its input"),
    ("command", r"write pipe|exit", "a command, before it prints the answer", "what it asked for was done"),

    ("daemon", r"(mkdir|create|chmod) (state|runtime)(/(sandboxes|homes|ledger|cache|daemon\.lock|ledger/lock))?|.* state(/format\.json.*)?",
     "the daemon, making its directories",
     "the next daemon makes the rest"),
    ("daemon", r".* state/ledger/keys.*", "the daemon, making or renewing a key", "the key is there whole or not at all"),
    ("daemon", r"(mkdir|create) state/ledger/journal.*", "the daemon, beginning a segment of the journal", "the next daemon begins it again"),
    ("daemon", r"[a-z]+ state/ledger/journal/[^ ]*archive.*", "the daemon, packing a finished segment, or removing what was not packed whole",
     "the segment's own file holds; it is packed again"),
    ("daemon", r".* state/ledger\.verified.*", "the daemon, noting what was verified", "the older note holds, and more is verified the next time"),
    ("daemon", r"write state/ledger/journal/.*", "the daemon, before an event is in the journal",
     "nobody was told of it, and what it announces has not happened"),
    ("daemon", r"sync state/ledger/journal.*", "the daemon, before the journal is on the disk", "the event is there: it survives the process"),
    ("daemon", r".* state/ledger(/(tile|checkpoint).*)?", "the daemon, sealing", "the old checkpoint holds; the next daemon seals what follows"),
    ("daemon", r".* state/ledger/index.*", "the daemon, making its index", "one that is damaged or behind is made again from the journal"),
    ("daemon", r"(mkdir|create|write|rename|touch|rmdir|unlink) state/homes.*", "the daemon, making or taking a home",
     "the home is there whole or not at all"),
    ("daemon", r".* state/cache.*", "the daemon, copying /etc for the sandboxes", "the copy is there whole or is made again"),
    ("daemon", r"[a-z]+ state/sandboxes/ID/workspace/files\..*", "the daemon, recording what was done to files",
     "what is due is recorded by the next daemon, once"),
    ("daemon", r"(mkdir|create|allocate|chmod|chown|write|rename) state/sandboxes/ID(/(reserve|workspace.*))?", "the daemon, making a sandbox's directory",
     "the next daemon takes it away"),
    ("daemon", r"(create|write|rename) state/sandboxes/ID/sandbox\.json.*", "the daemon, before it notes a sandbox's state",
     "the note is the old or the new one; whether it runs says its supervisor"),
    ("daemon", r"(mkdir|write) cgroup/.*", "the daemon, making the cgroups", "they go with the sandbox's directory"),
    ("daemon", r"rmdir cgroup/.*", "the daemon, removing the cgroups", "the next daemon removes them"),
    ("daemon", r"clone|exec programs/hydravisor-(supervisor|init)|write proc/?.*|unshare|setns|kill|write pipe|exit|exec (programs/hydravisor-worker|elsewhere)",
     "the daemon, starting a supervisor, a worker or a namespace", "what has no daemon ends; nothing of it is left"),
    ("daemon", r"send record \d+", "the daemon, before it tells a supervisor", "the sandbox goes on as it was, or ends as one that never began"),
    ("daemon", r"send (answer|stream).*", "the daemon, before it answers", "what was asked was done, and shows at the next question"),
    ("daemon", r"rename state/sandboxes/ID to state/sandboxes/\.removing-ID", "the daemon, before a sandbox's files are set aside",
     "the sandbox is there, and can be removed"),
    ("daemon", r"(unlink|rmdir|chmod|rename) state/sandboxes/(\.removing-)?ID.*", "the daemon, removing a sandbox's files", "the next daemon removes the rest"),
    ("daemon", r"(unlink|bind|chmod) (runtime/hydravisord\.sock|socket)", "the daemon, making or removing its socket", "the next daemon makes its own"),

    ("worker", r".* state/sandboxes/ID/workspace/journal.*", "the worker, writing the journal of an apply", "before: nothing of the apply is there"),
    ("worker", r".* state/sandboxes/ID/workspace/pending.*|sync state/sandboxes/ID/workspace", "the worker, noting what it is about to do",
     "nothing was done, or all of it is"),
    ("worker", r"[a-z]+ state/sandboxes/ID/workspace/files\..*", "the worker, listing what was done to files",
     "it is listed again, and recorded once"),
    ("worker", r".* state/sandboxes/ID/workspace/(preimages|undone).*", "the worker, keeping and giving back former contents",
     "an undo that began is finished"),
    ("worker", r".* state/sandboxes/ID/workspace/(upper|baseline|work).*", "the worker, discarding", "a discard that began is finished"),
    ("worker", r".* project.*|chmod proc.*", "the worker, changing the project's files", "an apply is taken back, an undo finished"),
    ("worker", r"[a-z]+ \?( to \?)?", "the worker, shut in, at work", "an apply is taken back, an undo or discard finished"),
    ("worker", r"write pipe|exit|chown.*|unshare|setns|clone|exec .*", "the worker, before its answer", "the work was done, or is taken back"),

    ("supervisor", r"create state/sandboxes/ID/lock", "the supervisor, before it holds the sandbox", "the sandbox never began"),
    ("supervisor", r"clone.*|(exec|create|chmod|mkdir) programs.*|write (proc|pipe).*|setns|unshare|exec .*", "the supervisor, making namespaces and init",
     "all inside ends with it"),
    ("supervisor", r"(mount|umount|mkdir|pivot_root|chmod|rmdir).*elsewhere|pivot_root", "the supervisor, shutting itself in", "all inside ends with it"),
    ("supervisor", r"(create|write|truncate|sync) state/sandboxes/ID/spool", "the supervisor, before a record is in the spool",
     "what it announces has not happened"),
    ("supervisor", r"(create|write|rename) state/sandboxes/ID/outcome.*", "the supervisor, before it notes the end", "the outcome is that it was lost"),
    ("supervisor", r"(unlink|bind|chmod|create) (state/sandboxes/ID/(control\.sock|log)|socket)", "the supervisor, making its socket and its log",
     "the sandbox ends; no socket is left"),
    ("supervisor", r"write state/sandboxes/ID/(log|workspace).*|.* state/sandboxes/ID/workspace.*", "the supervisor, keeping output and former contents",
     "the sandbox ends"),
    ("supervisor", r"send record \d+", "the supervisor, before it tells daemon, init or gateway", "the next daemon reads it from the spool and the directory"),
    ("supervisor", r"send stream", "the supervisor, before it passes output on", "the command that waits is told that the sandbox ended"),
    # What is shut in does not show its files to a tracer without rights.
    ("supervisor", r"[a-z]+ \?( to \?)?", "the supervisor, shut in, recording and keeping", "what it announces has not happened; the sandbox ends"),
    ("supervisor", r"kill|exit", "the supervisor, ending", "all inside ends with it"),

    ("gateway", r"send record \d+", "the gateway, before it asks for a record", "nothing was dialled"),
    ("gateway", r"connect", "the gateway, before it dials", "the attempt is recorded, the connection is refused; its child is replaced"),
    ("gateway", r".*", "the gateway, at work", "connections break off; its child is replaced, or the sandbox goes on without a network"),

    ("init", r"(mount|mkdir|symlink|create|write|rmdir|umount|chmod|mknod|unlink|rename|chown) (elsewhere|proc.*|dev.*|\?)|pivot_root|unshare|setns|bind.*",
     "init, building the mount tree", "the sandbox ends as one that could not start"),
    ("init", r"write cgroup/.*", "init, entering its cgroup", "the sandbox ends as one that could not start"),
    ("init", r"clone|exec .*", "init, before a command begins", "what is recorded as asked for has not begun; the sandbox ends"),
    ("init", r"send record \d+|kill|exit|write pipe|send stream", "init, before it tells the supervisor", "the sandbox ends"),
]
_COMPILED = [(role, re.compile(pattern), name, promise) for role, pattern, name, promise in _TABLE]


def name_of(step):
    """The boundary's name, or None for a step that is not in the table."""
    for role, pattern, name, _ in _COMPILED:
        if role == step.role and pattern.fullmatch(step.what):
            return name
    return None


def table(hits):
    """The boundaries as Markdown, with the times that each was hit."""
    lines = ["| killed | promised | hit |", "| --- | --- | ---: |"]
    for _, _, name, promise in _TABLE:
        lines.append(f"| {name} | {promise} | {hits.get(name, 0)} |")
    return "\n".join(lines)
