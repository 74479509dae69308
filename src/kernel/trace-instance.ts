/**
 * The trace buffer that `bpf_trace_printk` writes to: the shared one, or a private instance.
 *
 *   shared    tracefs/trace_pipe: each line goes to one reader, also lines of others, and what one reads no one else sees
 *   private   tracefs/instances/skep_PID_TIME: its own buffer with the event bpf_trace:bpf_trace_printk switched on
 *             (Linux 5.9), so every reader has every line; removed when it is closed, or by a guard when the process dies
 *
 * Source: Documentation/trace/ftrace.rst, "Instances".
 */
import { explainDenied } from './capabilities.ts';
import { FeatureError, isDenied } from './errors.ts';
import type { Guard } from './guard.ts';
import { type Kernel, KernelError } from './port.ts';
import { tracefsNeeds, tracefsPath } from './tracefs.ts';

const AT_FDCWD = -100;
const O_RDONLY = 0;
const O_NONBLOCK = 0o4000;
const AT_REMOVEDIR = 0x200;
const EVENT = 'events/bpf_trace/bpf_trace_printk/enable';
/** Each CPU's share of a private buffer, in KiB. */
const BUFFER_KB = 512;

/** `$1` is the folder of the instance. It is busy until the last reader is gone. */
const REMOVE = 'n=0; until rmdir "$1" 2>/dev/null || [ ! -d "$1" ] || [ $n -ge 20 ]; do n=$((n + 1)); sleep 0.1; done';

export interface TraceBuffer {
  /** Of trace_pipe, without waiting. */
  readonly fd: number;
  readonly private: boolean;
  close(): void;
}

/** Throws `PrivilegeError`, `LockdownError`, `FeatureError`. A private one falls back to the shared one where the kernel has none. */
export function openTraceBuffer(kernel: Kernel, options: { readonly private?: boolean } = {}): TraceBuffer {
  try {
    const folder = tracefsPath(kernel);
    const own = options.private === true ? openInstance(kernel, folder) : undefined;
    if (own !== undefined) return own;
    const fd = openPipe(kernel, folder);
    return { fd, private: false, close: () => kernel.close(fd) };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (isDenied(error)) throw explainDenied(kernel, error, 'reading the trace buffer', tracefsNeeds(kernel), 'confidentiality');
    throw new FeatureError('trace buffer', { why: error.message, cause: error });
  }
}

function openPipe(kernel: Kernel, folder: string): number {
  return kernel.syscall('openat', AT_FDCWD, `${folder}/trace_pipe`, O_RDONLY | O_NONBLOCK, 0);
}

let serial = 0;

function openInstance(kernel: Kernel, folder: string): TraceBuffer | undefined {
  if (!kernel.exists(`${folder}/${EVENT}`) || !kernel.exists(`${folder}/instances`)) return undefined;
  const path = `${folder}/instances/skep_${process.pid}_${serial++}`;
  // A private mount ends with this process, but the instance is the kernel's: the guard gets the mount to remove it.
  const mount = /^\/proc\/self\/fd\/(\d+)$/.exec(folder)?.[1];
  const seen = mount === undefined ? path : path.replace(folder, '/proc/self/fd/3');
  const guard = kernel.guard(REMOVE, [seen], mount === undefined ? undefined : Number(mount));
  try {
    kernel.syscall('mkdirat', AT_FDCWD, path, 0o700);
  } catch (error) {
    guard?.release();
    throw error;
  }
  let fd: number | undefined;
  try {
    kernel.writeFile(`${path}/buffer_size_kb`, String(BUFFER_KB));
    kernel.writeFile(`${path}/${EVENT}`, '1');
    fd = openPipe(kernel, path);
    const pipe = fd;
    return { fd, private: true, close: () => closeInstance(kernel, path, pipe, guard) };
  } catch (error) {
    closeInstance(kernel, path, fd, guard);
    throw error;
  }
}

function closeInstance(kernel: Kernel, path: string, fd: number | undefined, guard: Guard | undefined): void {
  try {
    if (fd !== undefined) kernel.close(fd);
    kernel.syscall('unlinkat', AT_FDCWD, path, AT_REMOVEDIR);
  } catch (error) {
    // Busy for a moment still: the guard tries for longer.
    if (!(error instanceof KernelError)) throw error;
  } finally {
    guard?.release();
  }
}
