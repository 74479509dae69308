#!/usr/bin/env python3
"""BCC's side of bench/events.ts.

usage: peer.py PROGRAM PAGES ROUNDS RECORDS ENTRIES

Prints nanoseconds of CPU time for each record that event() gives, and for each entry of items_lookup_batch().
"""
import ctypes
import platform
import sys
import time

from bcc import BPF

program, pages, rounds, records, entries = sys.argv[1], *map(int, sys.argv[2:6])
BPF_PROG_TEST_RUN = 10
SYS_BPF = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)


class TestRun(ctypes.Structure):
    _fields_ = [
        ('prog_fd', ctypes.c_uint32), ('retval', ctypes.c_uint32), ('data_size_in', ctypes.c_uint32),
        ('data_size_out', ctypes.c_uint32), ('data_in', ctypes.c_uint64), ('data_out', ctypes.c_uint64),
        ('repeat', ctypes.c_uint32), ('duration', ctypes.c_uint32), ('rest', ctypes.c_uint64 * 4),
    ]


def run(fn, repeat):
    packet = ctypes.create_string_buffer(64)
    attr = TestRun(prog_fd=fn.fd, data_size_in=64, data_in=ctypes.addressof(packet), repeat=repeat)
    if libc.syscall(SYS_BPF, BPF_PROG_TEST_RUN, ctypes.byref(attr), ctypes.sizeof(attr)) != 0:
        raise OSError(ctypes.get_errno(), 'test run')


b = BPF(src_file=program, cflags=[f'-DPAGES={pages}'])
fill = b.load_func('fill', BPF.SCHED_CLS)
insert = b.load_func('insert', BPF.SCHED_CLS)
ring = b['ring']
count = 0


def on_event(context, data, size):
    global count
    ring.event(data)
    count += 1


ring.open_ring_buffer(on_event)
best = 1e18
for _ in range(rounds):
    run(fill, records)
    count = 0
    before = time.process_time_ns()
    b.ring_buffer_consume()
    best = min(best, (time.process_time_ns() - before) / count)
    assert count == records, count
print(best)

run(insert, entries)
best = 1e18
for _ in range(max(1, min(rounds, 5))):
    before = time.process_time_ns()
    count = 0
    for key, value in b['hash'].items_lookup_batch():
        count += 1
    best = min(best, (time.process_time_ns() - before) / count)
    assert count == entries, count
print(best)
