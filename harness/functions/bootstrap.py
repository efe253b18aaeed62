"""What a child process runs: it ties its life to the harness's, takes its place, and becomes awslambdaric.

Run as ``python bootstrap.py SETTINGS``, a JSON object, in a process group of its own:

lifeline: the read end of a pipe whose only write end is the harness's. When the harness ends, SIGKILL included, the
kernel closes it and sends SIGKILL to the whole group (F_SETOWN on a negative id): forked children die too, and a
handler in an endless loop cannot prevent it. Unlike PR_SET_PDEATHSIG this does not depend on which thread of the
harness started the child.
handler: the function's. path: folders for sys.path after the code's. cgroup: the file by which to join a memory
cgroup, or null. tmp: the folder that becomes /tmp in a mount namespace of its own, or null; there code, the folder of
all code, becomes read-only. storage: bytes that a file may have at most.
"""

import fcntl
import json
import os
import resource
import sys

SIGKILL = 9
FILES = 1_024  # descriptors of an environment (Lambda guide, quotas)
LOCKED = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC  # of a mount, which a user namespace may not take away
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000  # linux/mount.h


def tie(lifeline: int) -> None:
    """Let the kernel kill this process group when the last write end of the pipe closes."""
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_ASYNC)
    try:
        ended = os.read(lifeline, 1) == b""
    except BlockingIOError:
        return
    if ended:  # before the signal was armed
        os._exit(1)


def mount(tmp: str, code: str) -> None:
    """For this process and its children only, put a folder in the place of /tmp and make the code read-only.

    Raises OSError.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)

    user, group = os.getuid(), os.getgid()
    if user == 0:
        check(libc.unshare(CLONE_NEWNS), "unshare")
    else:
        check(libc.unshare(CLONE_NEWNS | CLONE_NEWUSER), "unshare")
        for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{file}", "w") as opened:  # noqa: PTH123 - pathlib costs milliseconds of a cold start
                opened.write(text)
    # Nothing that is mounted from here on may reach the machine's other processes.
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
    check(libc.mount(tmp.encode(), b"/tmp", None, MS_BIND, None), "mount /tmp")
    # As /var/task is, for root as well, whom permissions do not stop.
    check(libc.mount(code.encode(), code.encode(), None, MS_BIND, None), "mount the code")
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY | (os.statvfs(code).f_flag & LOCKED)
    check(libc.mount(None, code.encode(), None, flags, None), "make the code read-only")


def main() -> None:
    settings = json.loads(sys.argv[1])
    tie(settings["lifeline"])
    if settings["cgroup"]:
        with open(settings["cgroup"], "w") as procs:  # noqa: PTH123
            procs.write("0")
    if settings["tmp"]:
        mount(settings["tmp"], settings["code"])
        os.chdir(os.environ["LAMBDA_TASK_ROOT"])  # into the mount, which the folder that was current lies below
    if settings["storage"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (settings["storage"], settings["storage"]))
    most = min(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Python put this file's folder first; Lambda has the function's code there.
    sys.path[0:1] = [os.environ["LAMBDA_TASK_ROOT"], *settings["path"]]
    sys.argv = ["awslambdaric", settings["handler"]]
    from awslambdaric.__main__ import main as run  # type: ignore[import-untyped]

    run(sys.argv)


if __name__ == "__main__":
    main()
