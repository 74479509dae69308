#!/usr/bin/env python3
"""Extracts the C programs of the installed BCC tools.

usage: capture_bcc.py OUTDIR [TOOL...]

Each tool (/usr/sbin/*-bpfcc) is run for every command line of its own examples with BCC's constructor replaced:
the replacement writes the C text, after all the substitution that the tool does, and ends the process. bcc is
imported once; every run is a fork of that. Three runs for each command line: the kernel has the struct fields that
tools ask for, has not, and has trampolines (kfunc).

Written for each distinct text: OUTDIR/<tool>.<n>.c and OUTDIR/<tool>.<n>.json (command line, cflags, attachments
cannot be known before loading).
"""
import builtins
import glob
import hashlib
import io
import json
import os
import re
import shlex
import signal
import sys
import types

import bcc

# Command lines for tools whose own examples do not show one that makes a program.
EXTRA = {
    'argdist': ["-C 'p::vfs_read():u64'", "-H 'r:c:malloc(size_t size):u64:$retval'"],
    'biolatpcts': ['8:0', 'vda'],
    'dbslower': ['mysql'],
    'dbstat': ['mysql'],
    'deadlock': ['1'],
    'dirtop': ['-d /tmp'],
    'funccount': ["'vfs_*'"],
    'funclatency': ['do_sys_open'],
    'funcslower': ['vfs_read'],
    'inject': ["kmalloc -v 'SyS_mount()'", 'kmalloc'],
    'memleak': ['-p 1', ''],
    'mysqld_qslower': ['1'],
    'netqtop': ['-n lo'],
    'stackcount': ['submit_bio'],
    'syscount': ['', '-L', '-P', '-e open'],
    'trace': ['do_sys_openat2', "'do_sys_open \"%s\", arg2'", "'r::do_sys_open \"ret %d\", retval'"],
    'ucalls': ['-l java 1', '-L -S 1'],
    'uflow': ['-l java 1'],
    'ugc': ['-l java 1'],
    'uobjnew': ['-l java 1'],
    'uthreads': ['-l java 1'],
}
LANGUAGE_TOOLS = ('ucalls', 'ugc', 'uflow', 'uobjnew', 'uthreads')
LANGUAGES = ('java', 'python', 'ruby', 'node', 'php', 'perl', 'tcl')
MODES = ('fields', 'nofields', 'kfunc')
# Symbols that tools look for in /proc/kallsyms before they decide what to attach to.
KERNEL_SYMBOLS = (
    'btrfs_file_operations ext4_file_operations xfs_file_operations zpl_iter_read vm_stat vm_zone_stat vm_node_stat '
    'totalram_pages blk_account_io_start blk_account_io_done __blk_account_io_start __blk_account_io_done'
).split()

mode = 'fields'
captured = None  # (text, cflags, usdt)


class Anything:
    """Stands for whatever a tool touches after construction."""

    def __getattr__(self, name):
        return Anything()

    def __call__(self, *args, **kwargs):
        return Anything()

    def __getitem__(self, key):
        return Anything()

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass


class Captured(SystemExit):
    pass


class CapturingBPF(bcc.BPF):
    def __init__(self, src_file=b'', hdr_file=b'', text=None, debug=0, cflags=[], usdt_contexts=[], **kwargs):
        global captured
        if text is None and src_file:
            text = read_source(src_file.decode() if isinstance(src_file, bytes) else src_file)
        if isinstance(text, bytes):
            text = text.decode()
        if not text:
            return  # some tools construct an empty program to reach helpers
        captured = (text, [f.decode() if isinstance(f, bytes) else str(f) for f in cflags], bool(usdt_contexts))
        raise Captured(0)

    def __getattr__(self, name):
        return Anything()

    def __getitem__(self, key):
        return Anything()

    def __del__(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    @staticmethod
    def kernel_struct_has_field(struct, field):
        return mode != 'nofields'

    @staticmethod
    def get_kprobe_functions(pattern):
        return [b'vfs_read', b'vfs_write']

    @staticmethod
    def support_kfunc():
        return mode == 'kfunc'

    @staticmethod
    def support_raw_tracepoint():
        return True

    @staticmethod
    def support_raw_tracepoint_in_module():
        return True

    @staticmethod
    def support_lsm():
        return True

    @staticmethod
    def ksymname(name):
        return 0

    @staticmethod
    def tracepoint_exists(category, event):
        return True

    @staticmethod
    def get_syscall_fnname(name):
        return b'__x64_sys_' + (name if isinstance(name, bytes) else name.encode())

    @staticmethod
    def get_syscall_prefix():
        return b'__x64_sys_'

    @staticmethod
    def find_exe(name):
        return b'/bin/bash'


class NoUSDT:
    def __init__(self, *args, **kwargs):
        self.context = 0

    def enable_probe(self, *args, **kwargs):
        pass

    enable_probe_or_bail = enable_probe
    attach_uprobes = enable_probe

    def get_text(self):
        return ''

    def enumerate_probes(self):
        return []

    def get_probe_arg_ctype(self, *args):
        return 'uint64_t'


tool_path = ''


def read_source(name):
    for folder in ('', os.path.dirname(tool_path) + '/', '/usr/share/bcc/tools/', '/usr/sbin/lib/'):
        if os.path.exists(folder + name):
            return real_open(folder + name).read()
    return None


real_open = builtins.open
real_exists = os.path.exists


def patched_open(path, *args, **kwargs):
    name = path.decode() if isinstance(path, bytes) else path
    if name == '/proc/kallsyms':
        return io.StringIO(''.join(f'ffffffff8100{i:04x} T {s}\n' for i, s in enumerate(KERNEL_SYMBOLS)))
    if name == '/proc/cpuinfo':
        return io.StringIO('vendor_id\t: GenuineIntel\nflags\t\t: vmx\n')
    return real_open(path, *args, **kwargs)


def patch():
    import curses

    bcc.BPF = CapturingBPF
    bcc.USDT = NoUSDT
    if 'bcc.usdt' in sys.modules:
        sys.modules['bcc.usdt'].USDT = NoUSDT
    os.geteuid = lambda: 0
    builtins.open = patched_open
    os.path.exists = lambda path: 'tracing/events' in str(path) or real_exists(path)
    curses.wrapper = lambda fn, *args, **kwargs: fn(Anything(), *args, **kwargs)
    for name in ('nocbreak', 'echo', 'endwin', 'curs_set', 'start_color', 'use_default_colors'):
        setattr(curses, name, lambda *args: None)


def short_name(path):
    return re.sub(r'(-bpfcc|\.py)$', '', os.path.basename(path))


def command_lines(path):
    """The tool's arguments in its own usage examples, the empty command line first."""
    name = short_name(path)
    text = real_open(path, errors='replace').read()
    lines = [''] + EXTRA.get(name, [])
    if name in LANGUAGE_TOOLS:
        lines += [f'-l {language} 1' for language in LANGUAGES]
    for match in re.finditer(r'^[ \t]*(?:sudo )?(?:\./)?' + re.escape(name) + r'(?:\.py|-bpfcc)?((?:[ \t]+[^#\n]*)?)(?:#.*)?$', text, re.M):
        words = match.group(1).strip()
        if words not in lines and '[' not in words:
            lines.append(words)
    return lines


def run_one(path, words, run_mode, out):
    """In a fork: runs the tool until it constructs its program; writes the result to the descriptor `out`."""
    global mode, tool_path
    mode, tool_path = run_mode, path
    signal.alarm(30)
    patch()
    try:
        args = shlex.split(words)
    except ValueError:
        args = words.split()
    sys.argv = [path] + args
    silence = os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(silence, fd)
    source = real_open(path, errors='replace').read().replace('b"Intel" in arch_info', 'True')
    try:
        exec(compile(source, path, 'exec'), {'__name__': '__main__', '__file__': path})
    except BaseException:
        pass
    if captured:
        os.write(out, json.dumps(captured).encode() if len(captured[0]) < 1 << 20 else b'')
    os._exit(0)


def capture(path, words, run_mode):
    read_end, write_end = os.pipe()
    import fcntl
    fcntl.fcntl(write_end, 1031, 1 << 20)  # F_SETPIPE_SZ: the whole text fits
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        run_one(path, words, run_mode, write_end)
    os.close(write_end)
    with os.fdopen(read_end, 'rb') as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(data) if data else None


def main():
    out, only = sys.argv[1], sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    total = tools_with_c = 0
    for path in sorted(glob.glob('/usr/sbin/*-bpfcc')):
        name = short_name(path)
        if only and name not in only:
            continue
        if not real_open(path, 'rb').readline().startswith(b'#!') or b'python' not in real_open(path, 'rb').readline():
            continue
        seen = set()
        for words in command_lines(path):
            for run_mode in MODES:
                got = capture(path, words, run_mode)
                if not got:
                    continue
                text, cflags, usdt = got
                digest = hashlib.sha1(text.encode()).hexdigest()
                if digest in seen:
                    continue
                base = f'{out}/{name}.{len(seen)}'
                seen.add(digest)
                with real_open(base + '.c', 'w') as f:
                    f.write(text)
                with real_open(base + '.json', 'w') as f:
                    json.dump({'tool': name, 'args': words, 'mode': run_mode, 'cflags': cflags, 'usdt': usdt}, f)
        total += len(seen)
        tools_with_c += 1 if seen else 0
    print(f'{total} programs of {tools_with_c} tools')


main()
