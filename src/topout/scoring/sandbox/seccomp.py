"""Which system calls a program in the sandbox may make, as a filter that the kernel runs (seccomp, classic BPF).

It is a list of what is allowed: files (Landlock says which), memory, its own signals and timers, the clock. Whatever is not listed fails with EPERM: no
process or thread is started, no program executed, no socket made, no other process signalled or traced, nothing mounted, no limit raised. Written
here rather than taken from libseccomp, which would have to be installed beside Python, because the whole of it is a table and six instructions.
"""

from __future__ import annotations

import struct

__all__ = ["filter_for"]

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h."""

BOTH = """
read:0:63 write:1:64 openat:257:56 close:3:57 fstat:5:80 newfstatat:262:79 statx:332:291 lseek:8:62 mmap:9:222 mprotect:10:226
munmap:11:215 brk:12:214 mremap:25:216 madvise:28:233 mincore:27:232 msync:26:227 rt_sigaction:13:134 rt_sigprocmask:14:135
rt_sigreturn:15:139 sigaltstack:131:132 restart_syscall:219:128 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66
faccessat:269:48 faccessat2:439:439 pipe2:293:59 pselect6:270:72 ppoll:271:73 epoll_create1:291:20 epoll_ctl:233:21
epoll_pwait:281:22 eventfd2:290:19 dup:32:23 dup3:292:24 getpid:39:172 getppid:110:173 gettid:186:178 getuid:102:174
geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158 getpgid:121:155
getsid:124:156 flock:73:32 fsync:74:82 fdatasync:75:83 ftruncate:77:46 getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50
renameat:264:38 renameat2:316:276 mkdirat:258:34 unlinkat:263:35 symlinkat:266:36 linkat:265:37 readlinkat:267:78 umask:95:166
gettimeofday:96:169 clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115 nanosleep:35:101 times:100:153
getrusage:98:165 sysinfo:99:179 uname:63:160 futex:202:98 set_robust_list:273:99 get_robust_list:274:100
set_tid_address:218:96 sched_yield:24:124 sendto:44:206 recvfrom:45:207 sched_getaffinity:204:123 getcpu:309:168 rseq:334:293 getrandom:318:278 exit:60:93
exit_group:231:94 setitimer:38:103 getitimer:36:102 copy_file_range:326:285 sendfile:40:71 membarrier:324:283
fadvise64:221:223 close_range:436:436 truncate:76:45
"""
"""name : number on x86_64 : number on aarch64."""

OLD = """
open:2 stat:4 lstat:6 access:21 pipe:22 select:23 poll:7 epoll_create:213 epoll_wait:232 dup2:33 getpgrp:111 rename:82
mkdir:83 rmdir:84 unlink:87 symlink:88 link:86 readlink:89 time:201 alarm:37 arch_prctl:158
"""
"""Older spellings that only x86_64 has."""

FCNTL, IOCTL, SOCKETPAIR = (72, 25), (16, 29), (53, 199)
"""Allowed by their arguments."""

OWNERS = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: with them a file signals another process."""

HARMLESS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""

LOCAL, STREAM = 1, 0x80001
"""AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC: two ends that are connected to each other and to nothing else, for good. asyncio wakes itself with them."""

LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24
"""Offsets in struct seccomp_data (little-endian: the low half of an argument comes first)."""

Line = tuple[int, int, int, int]
ALLOW: Line = (RETURN, 0, 0, 0x7FFF0000)
REFUSE: Line = (RETURN, 0, 0, 0x00050001)
KILL: Line = (RETURN, 0, 0, 0x80000000)
"""SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM, SECCOMP_RET_KILL_PROCESS."""


def filter_for(machine: str) -> bytes | None:
    """The filter as an array of struct sock_filter; None for a machine whose system calls are not in the table."""
    if machine not in ARCHITECTURES:
        return None
    column = 0 if machine == "x86_64" else 1
    numbers = [int(entry.split(":")[1 + column]) for entry in BOTH.split()]
    if column == 0:
        numbers += [int(entry.split(":")[1]) for entry in OLD.split()]
    blocks: list[tuple[int, list[Line]]] = [
        (FCNTL[column], [load(SECOND), *(jump(one, len(OWNERS) - i) for i, one in enumerate(OWNERS)), ALLOW, REFUSE]),
        (IOCTL[column], [load(SECOND), *(jump(one, len(HARMLESS) - i) for i, one in enumerate(HARMLESS)), REFUSE, ALLOW]),
        (SOCKETPAIR[column], [load(FIRST), jump(LOCAL, 1), REFUSE, load(SECOND), jump(STREAM, 1), REFUSE, ALLOW]),
    ]
    heads: list[Line] = []
    bodies: list[Line] = []
    count = len(blocks) + len(numbers)
    for number, body in blocks:
        heads.append(jump(number, count - len(heads) + len(bodies)))
        bodies += body
    heads += [jump(number, count - len(heads) - i + len(bodies)) for i, number in enumerate(numbers)]
    lines = [load(ARCHITECTURE), jump(ARCHITECTURES[machine], 1), KILL, load(NUMBER), *heads, REFUSE, *bodies, ALLOW]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def load(offset: int) -> Line:
    """Look at that word."""
    return LOAD, 0, 0, offset


def jump(value: int, ahead: int) -> Line:
    """Go `ahead` lines on when the loaded word is `value`, else to the next line."""
    return JUMP_EQUAL, ahead, 0, value
