"""The child process of an execution environment: it prepares itself and then becomes awslambdaric.

Run as ``python bootstrap.py SETTINGS``, a JSON object, in a process group of its own:

lifeline: the read end of a pipe; only the harness holds the write end. When the harness ends, even by SIGKILL, the
kernel closes the pipe and sends SIGKILL to the whole process group (F_SETOWN on a negative id). Forked children die
too, and a handler in an endless loop cannot prevent it. Unlike PR_SET_PDEATHSIG, this does not depend on which thread
of the harness started the child.
handler: the function's handler. path: folders that follow the code's folder in sys.path. cgroup: the file through which
a process joins the memory cgroup, or null. tmp: the folder to mount on /tmp in a mount namespace of its own,
or null. code: the folder of all code, which becomes read-only in that namespace. storage: the largest size of a file in
bytes.
"""

import fcntl
import json
import os
import resource
import sys

SIGKILL = 9
FILES = 1_024  # descriptors of an environment (Lambda guide, quotas)
LOCKED = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC  # mount flags that a user namespace may not remove
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000  # linux/mount.h


def tie(lifeline: int) -> None:
    """Make the kernel kill this process group when the last write end of the pipe closes."""
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_ASYNC)
    try:
        ended = os.read(lifeline, 1) == b""
    except BlockingIOError:
        return
    if ended:  # the harness ended before the signal was armed
        os._exit(1)


def mount(tmp: str, code: str) -> None:
    """Mount a folder on /tmp and make the code read-only, for this process and its children only.

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
    # Mounts from here on stay invisible to the other processes of the machine.
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
    check(libc.mount(tmp.encode(), b"/tmp", None, MS_BIND, None), "mount /tmp")
    # /var/task is read-only on AWS. File permissions alone would not stop root.
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
        os.chdir(os.environ["LAMBDA_TASK_ROOT"])  # enter the mount: the current folder is still the one below it
    if settings["storage"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (settings["storage"], settings["storage"]))
    most = min(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Python put this file's folder first in sys.path; on Lambda the function's code is first.
    sys.path[0:1] = [os.environ["LAMBDA_TASK_ROOT"], *settings["path"]]
    sys.argv = ["awslambdaric", settings["handler"]]
    from awslambdaric.__main__ import main as run  # type: ignore[import-untyped]

    run(sys.argv)


if __name__ == "__main__":
    main()
