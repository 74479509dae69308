#!/usr/bin/env python3
"""Compiles programs of the BCC corpus with the installed BCC and keeps its bytecode.

usage: BCC_KERNEL_SOURCE=HEADERS bcc_bytecode.py CORPUS OUTDIR [NAME...]

For each CORPUS/<name>.c (see capture_bcc.py): OUTDIR/<name>.json with the processor time that BCC took for the text (`ms`,
compile and maps, in a process that has compiled before), its `functions` as hexadecimal bytecode, its `maps` as their attributes
with the number that stands for them in the bytecode, or the reason why there is nothing (`error`). Nothing is loaded
or attached. Needs root: BCC makes the maps while it compiles.
"""
import ctypes as ct
import glob
import json
import os
import sys
import time

import bcc
from bcc.libbcc import lib

lib.bpf_num_tables.restype = ct.c_ulonglong
lib.bpf_num_tables.argtypes = [ct.c_void_p]
for attribute in ('name',):
    getattr(lib, f'bpf_table_{attribute}').restype = ct.c_char_p
    getattr(lib, f'bpf_table_{attribute}').argtypes = [ct.c_void_p, ct.c_ulonglong]
for attribute in ('fd', 'type', 'key_size', 'leaf_size'):
    getattr(lib, f'bpf_table_{attribute}_id').restype = ct.c_int
    getattr(lib, f'bpf_table_{attribute}_id').argtypes = [ct.c_void_p, ct.c_ulonglong]

# The constructor ends by attaching what its name says.
bcc.BPF._trace_autoload = lambda self: None


def compile_one(text, cflags):
    started = time.process_time()
    b = bcc.BPF(text=text, cflags=cflags)
    ms = (time.process_time() - started) * 1000
    module = b.module
    functions = {}
    for i in range(lib.bpf_num_functions(module)):
        name = lib.bpf_function_name(module, i)
        functions[name.decode()] = b.dump_func(name).hex()
    maps = [
        {
            'name': lib.bpf_table_name(module, i).decode(),
            'fd': lib.bpf_table_fd_id(module, i),
            'type': lib.bpf_table_type_id(module, i),
            'keySize': lib.bpf_table_key_size_id(module, i),
            'valueSize': lib.bpf_table_leaf_size_id(module, i),
            'maxEntries': lib.bpf_table_max_entries_id(module, i),
            'flags': lib.bpf_table_flags_id(module, i),
        }
        for i in range(lib.bpf_num_tables(module))
    ]
    return {'ms': ms, 'license': (lib.bpf_module_license(module) or b'').decode(), 'functions': functions, 'maps': maps}


def in_fork(text, cflags):
    """A crash or a pinned map of one program is not the next one's; LLVM stays loaded and warm."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        log = os.memfd_create('log')
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            result = compile_one(text, cflags)
        except BaseException as e:
            os.lseek(log, 0, os.SEEK_SET)
            said = os.read(log, 1 << 16).decode(errors='replace')
            first = next((line for line in said.splitlines() if 'error:' in line), said.strip().split('\n')[-1])
            result = {'error': f'{e}: {first}'}
        with os.fdopen(write_end, 'w') as out:
            json.dump(result, out)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(data) if data else {'error': 'BCC crashed'}


def main():
    corpus, out, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(out, exist_ok=True)
    names = only or sorted(os.path.basename(path)[:-2] for path in glob.glob(f'{corpus}/*.c'))
    # LLVM and its tables are set up once, before the clock runs.
    try:
        compile_one('int warm(void *ctx) { return 0; }', [])
    except Exception:
        pass
    for name in names:
        with open(f'{corpus}/{name}.c') as f:
            text = f.read()
        with open(f'{corpus}/{name}.json') as f:
            cflags = json.load(f)['cflags']
        result = in_fork(text, cflags)
        with open(f'{out}/{name}.part', 'w') as f:
            json.dump(result, f)
        os.rename(f'{out}/{name}.part', f'{out}/{name}.json')


main()
