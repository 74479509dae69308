/** Loads instructions into this kernel and runs them with BPF_PROG_TEST_RUN: the oracle for the machine. */

import { encode, slotCount } from '../../../src/isa/encode.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { bpf, bpfAnswer, cString } from '../../../src/kernel/bpf-attr.ts';
import { MAP_TYPE, PROG_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { KernelError } from '../../../src/kernel/port.ts';

const kernel = linuxKernel();

export function createArray(valueSize: number, maxEntries: number = 1): number {
  return bpf(kernel, 'MAP_CREATE', {
    map_type: MAP_TYPE.array,
    key_size: 4,
    value_size: valueSize,
    max_entries: maxEntries,
    map_name: 'skep_vm',
  });
}

export function createMap(type: keyof typeof MAP_TYPE, keySize: number, valueSize: number, maxEntries: number, flags: number = 0): number {
  return bpf(kernel, 'MAP_CREATE', {
    map_type: MAP_TYPE[type],
    key_size: keySize,
    value_size: valueSize,
    max_entries: maxEntries,
    map_flags: flags,
    map_name: 'skep_vm',
  });
}

export function readElement(fd: number, key: Uint8Array, valueSize: number): Uint8Array | undefined {
  const value = new Uint8Array(valueSize);
  try {
    bpf(kernel, 'MAP_LOOKUP_ELEM', { map_fd: fd, key, value });
    return value;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeElement(fd: number, key: Uint8Array, value: Uint8Array): void {
  bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: fd, key, value });
}

/** Descriptor of the program; what the verifier said is in the error. */
export function loadProgram(insns: readonly Insn[], type: keyof typeof PROG_TYPE = 'socket_filter'): number {
  const log = new Uint8Array(1 << 16);
  try {
    return bpf(kernel, 'PROG_LOAD', {
      prog_type: PROG_TYPE[type],
      insns: encode(insns),
      insn_cnt: slotCount(insns),
      license: cString('GPL'),
      prog_name: 'skep_vm',
    });
  } catch (error) {
    try {
      bpf(kernel, 'PROG_LOAD', {
        prog_type: PROG_TYPE[type],
        insns: encode(insns),
        insn_cnt: slotCount(insns),
        license: cString('GPL'),
        log_level: 1,
        log_size: log.length,
        log_buf: log,
      });
    } catch {
      const text = new TextDecoder().decode(log).replace(/\0.*/s, '');
      throw new Error(`${String(error)}\n${text.split('\n').slice(-25).join('\n')}`);
    }
    throw error;
  }
}

export interface KernelRun {
  readonly retval: number;
  readonly data: Uint8Array;
}

export function testRun(prog: number, packet: Uint8Array): KernelRun {
  const out = new Uint8Array(packet.length + 512);
  const { attr } = bpfAnswer(kernel, 'PROG_TEST_RUN', {
    prog_fd: prog,
    data_in: packet,
    data_size_in: packet.length,
    data_out: out,
    data_size_out: out.length,
    repeat: 1,
  });
  return { retval: attr.retval, data: out.slice(0, attr.data_size_out) };
}

export function close(fd: number): void {
  kernel.close(fd);
}

/** Why these tests cannot run here, or false. */
export function unavailable(): string | false {
  const reason = process.getuid?.() === 0 ? false : 'not root';
  if (reason !== false && process.env['CI'] === 'true') throw new Error(`cannot run: ${reason}`);
  return reason;
}
