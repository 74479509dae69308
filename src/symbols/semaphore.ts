/**
 * The counter by which a USDT probe knows whether anybody listens, raised by hand in one process: for kernels that do
 * not count listeners themselves (before Linux 4.20).
 *
 *   virtual address in the file + where the process has the file ─▶ /proc/PID/mem: 16 bits, one more, later one less
 *
 * Needs to be allowed to trace the process. A tool that is killed leaves the counter raised: the process then goes on
 * preparing arguments that nobody reads.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { UsageError } from '../kernel/errors.ts';
import { Binary } from './binary.ts';
import { mappingsOf, ofMapping } from './find-binary.ts';

/** `file`: as the process sees it. `address`: of the counter, as the file has it. Gives what takes the raise back; harmless when the process is gone. */
export function raiseSemaphore(pid: number, file: string, address: bigint): () => void {
  const at = addressIn(pid, file, address);
  add(pid, at, 1);
  let raised = true;
  return () => {
    if (!raised) return;
    raised = false;
    try {
      add(pid, at, -1);
    } catch {
      // It has ended, and its counter with it.
    }
  };
}

function addressIn(pid: number, file: string, address: bigint): bigint {
  const mapping = mappingsOf(pid).find((one) => one.path === file);
  if (!mapping) throw new UsageError(`process ${pid} has not mapped ${file}`);
  using binary = new Binary(ofMapping(mapping, pid));
  const base = binary.elf.segments.find((s) => mapping.offset >= s.offset && mapping.offset < s.offset + s.fileSize && s.fileSize > 0);
  if (!base) throw new UsageError(`process ${pid} has ${file} mapped in an unknown way`);
  const mappedAt = base.address + BigInt(mapping.offset - base.offset);
  return BigInt(mapping.start) - mappedAt + address;
}

function add(pid: number, at: bigint, by: number): void {
  const fd = openSync(`/proc/${pid}/mem`, constants.O_RDWR);
  try {
    const bytes = new Uint8Array(2);
    const view = new DataView(bytes.buffer);
    if (readSync(fd, bytes, 0, 2, at) !== 2) throw new UsageError(`process ${pid}: the counter of its probe cannot be read`);
    view.setUint16(0, view.getUint16(0, true) + by, true);
    writeSync(fd, bytes, 0, 2, Number(at));
  } finally {
    closeSync(fd);
  }
}
