/**
 * Iterators: programs that run once for each task, map, map element, socket, … when someone reads, and whose output is
 * what is read.
 *
 *   for await (const chunk of readIterator(kernel, attachIterator(kernel, program))) …
 *
 * The kind was fixed at load time ('iter/task'). Minimum kernel: 5.8, with BTF. Needs CAP_PERFMON. An iterator over the
 * elements of a map says which map. BPF_TRACE_ITER.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import type { Kernel } from '../kernel/port.ts';
import { type Attachment, attachment, createLink, explainAttach } from './attachment.ts';
import type { TracingProgram } from './tracing.ts';

export interface IteratorOptions {
  /** For 'bpf_map_elem', 'sockmap' and 'bpf_sk_storage_map': descriptor of the map. */
  readonly map?: number;
  /** For tasks: one thread, or the threads of one process (Linux 6.1). */
  readonly tid?: number;
  readonly pid?: number;
}

/** Kinds that walk over one map's elements: it must be named, so they are not attached by themselves. */
const OVER_A_MAP: ReadonlySet<string> = new Set(['bpf_map_elem', 'bpf_sk_storage_map', 'sockmap']);

export function iteratesOverMap(target: string): boolean {
  return OVER_A_MAP.has(target);
}

export function attachIterator(kernel: Kernel, program: TracingProgram, options: IteratorOptions = {}): Attachment {
  const info = iterInfo(options);
  const target = program.spec.target ?? '';
  const fd = createLink(
    kernel,
    'LINK_CREATE_ITER',
    {
      prog_fd: program.fd,
      attach_type: ATTACH_TYPE.trace_iter,
      ...(info === undefined ? {} : { iter_info: info, iter_info_len: info.length }),
    },
    {
      doing: `attaching '${program.name}' to iterator ${target}`,
      capabilities: ['CAP_PERFMON'],
      feature: 'BPF iterators',
      minKernel: '5.8',
      meanings: {
        EBADF: 'this iterator needs a map',
        EINVAL: 'the program was not loaded for an iterator, or the iterator does not take these parameters',
        EACCES: 'the program reads or writes more than an element of the map has',
      },
    },
  );
  return attachment(kernel, { kind: 'iter', target, program, via: 'link', fds: [fd] });
}

/** union bpf_iter_link_info: a map's descriptor, or { tid, pid, pid_fd } of tasks. */
function iterInfo(options: IteratorOptions): Uint8Array | undefined {
  if (options.map !== undefined) return new Uint8Array(Uint32Array.of(options.map, 0, 0, 0).buffer);
  if (options.tid !== undefined || options.pid !== undefined)
    return new Uint8Array(Uint32Array.of(options.tid ?? 0, options.pid ?? 0, 0, 0).buffer);
  return undefined;
}

/** Runs the iterator once: its output, piece by piece. */
export function* readIterator(kernel: Kernel, iterator: Attachment): Generator<Uint8Array, void, undefined> {
  let fd: number;
  try {
    fd = bpf(kernel, 'ITER_CREATE', { link_fd: iterator.fd });
  } catch (error) {
    throw explainAttach(kernel, error, { doing: `running iterator ${iterator.target}`, capabilities: ['CAP_PERFMON'] });
  }
  const buffer = new Uint8Array(65536);
  try {
    for (;;) {
      const length = kernel.syscall('read', fd, buffer, buffer.length);
      if (length === 0) return;
      yield buffer.slice(0, length);
    }
  } finally {
    kernel.close(fd);
  }
}
