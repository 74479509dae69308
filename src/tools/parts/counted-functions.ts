/**
 * Counting calls of a few functions of the kernel.
 *
 *   read ─▶ vfs_read          ─▶ fentry | kprobe ─▶ counts[0] of this CPU += 1
 *   hit  ─▶ folio_mark_accessed, or mark_page_accessed on kernels without it
 *
 * Where a count has several functions, they are names of the same thing on different kernels: the first that the kernel
 * has is taken. fentry comes first: it costs a fraction of a kprobe.
 */
import type { BPF } from '../../bcc/bpf.ts';
import { kernelBtf } from '../../kernel/kernel-btf.ts';
import { linuxKernel } from '../../kernel/linux.ts';
import type { PerCpuMap } from '../../maps/per-cpu.ts';
import type { Place, ProbeChoice } from '../tool.ts';

export interface Counted {
  readonly name: string;
  /** Of the kernel, best first. */
  readonly functions: readonly string[];
  /** In place of all functions, a tracepoint: 'writeback:writeback_dirty_folio'. */
  readonly tracepoint?: string;
}

export interface CountedFunctions {
  readonly probes: readonly ProbeChoice[];
  /** Needs `FILTER` before it. */
  program(choice: ProbeChoice): string;
  /** Counts by name since the last time. */
  reader(bpf: BPF): () => Map<string, number>;
}

export function countedFunctions(counted: readonly Counted[]): CountedFunctions {
  return {
    probes: (['fentry', 'kprobe'] as const).map((kind) => choiceOf(kind, counted)),
    program(choice) {
      const kind = choice.kind === 'fentry' ? 'fentry' : 'kprobe';
      return [COUNTS(counted.length), ...counted.map((one, i) => functionText(one, i, kind))].join('\n');
    },
    reader(bpf) {
      const map = bpf.map('counts').map as PerCpuMap<number, bigint>;
      let before = new Map<number, bigint>();
      return () => {
        const now = new Map(map.reduced());
        const counts = new Map(counted.map(({ name }, i) => [name, Number((now.get(i) ?? 0n) - (before.get(i) ?? 0n))]));
        before = now;
        return counts;
      };
    },
  };
}

/** Places as they are called on this kernel: read when it is asked, not when the module is loaded. */
function choiceOf(kind: 'fentry' | 'kprobe', counted: readonly Counted[]): ProbeChoice {
  const also: Place[] = counted.flatMap(({ tracepoint }) =>
    tracepoint === undefined ? [] : [{ kind: 'tracepoint' as const, targets: [tracepoint] }],
  );
  return {
    kind,
    get targets() {
      return counted.flatMap((one) => (one.tracepoint === undefined ? [functionOf(one)] : []));
    },
    ...(also.length === 0 ? {} : { also }),
  };
}

function functionOf({ functions }: Counted): string {
  const btf = kernelBtf(linuxKernel());
  return functions.find((name) => btf?.find(name, 'func') !== undefined) ?? (functions[0] as string);
}

const COUNTS = (length: number): string => `
BPF_PERCPU_ARRAY(counts, u64, ${length});

/* Atomic: programs on functions may be preempted by each other. */
static inline int count(int which)
{
    if (!filtered())
        counts.atomic_increment(which);
    return 0;
}
`;

function functionText(one: Counted, index: number, kind: 'fentry' | 'kprobe'): string {
  if (one.tracepoint !== undefined) {
    const [category = '', event = ''] = one.tracepoint.split(':');
    return `TRACEPOINT_PROBE(${category}, ${event}) { return count(${index}); }`;
  }
  const name = functionOf(one);
  return kind === 'fentry'
    ? `KFUNC_PROBE(${name}) { return count(${index}); }`
    : `int kprobe__${name}(struct pt_regs *ctx) { return count(${index}); }`;
}
