/**
 * Which dialect a text is in, by what only one of them has. Comments are not looked at apart: a word in one is as
 * good a hint as any.
 */
import { bccDialect } from './bcc/dialect.ts';
import type { Dialect } from './dialect.ts';
import { libbpfDialect } from './libbpf/dialect.ts';

interface Hint {
  readonly pattern: RegExp;
  readonly weight: number;
}

const LIBBPF: readonly Hint[] = [
  { pattern: /^[ \t]*#[ \t]*include[ \t]*[<"](?:bpf\/)?bpf_(?:helpers|tracing|core_read|endian|helper_defs)\.h[>"]/m, weight: 4 },
  { pattern: /^[ \t]*#[ \t]*include[ \t]*[<"]vmlinux\.h[>"]/m, weight: 4 },
  { pattern: /\bSEC\s*\(\s*"/, weight: 3 },
  { pattern: /\b__uint\s*\(\s*type\s*,/, weight: 3 },
  { pattern: /\bBPF_(?:KPROBE|KRETPROBE|KSYSCALL|CORE_READ)\s*\(/, weight: 2 },
];
const BCC: readonly Hint[] = [
  { pattern: /\bBPF_(?:F_)?TABLE(?:_PUBLIC|_PINNED|_SHARED)?\s*\(/, weight: 4 },
  {
    pattern:
      /\bBPF_(?:PERCPU_)?(?:HASH|ARRAY|HISTOGRAM|HIST|PERF_OUTPUT|RINGBUF_OUTPUT|STACK_TRACE|LPM_TRIE|PROG_ARRAY|PERF_ARRAY|CGROUP_ARRAY|QUEUE|STACK|DEVMAP|CPUMAP|XSKMAP|SOCKMAP|SOCKHASH)\s*\(/,
    weight: 4,
  },
  { pattern: /\b(?:RAW_)?TRACEPOINT_PROBE\s*\(|\b(?:MODULE_)?K(?:RET)?FUNC_PROBE\s*\(|\bLSM_PROBE\s*\(|\bKMOD_RET\s*\(/, weight: 4 },
  { pattern: /\b(?:kprobe|kretprobe|tracepoint|raw_tracepoint|kfunc|kretfunc|lsm|syscall)__\w+\s*\(/, weight: 3 },
  { pattern: /^[ \t]*#[ \t]*include[ \t]*[<"]bcc\//m, weight: 3 },
  { pattern: /\.(?:perf_submit|lookup_or_try_init|lookup_or_init|increment|atomic_increment|ringbuf_output)\s*\(/, weight: 2 },
];

const score = (text: string, hints: readonly Hint[]): number =>
  hints.reduce((sum, { pattern, weight }) => sum + (pattern.test(text) ? weight : 0), 0);

/** BCC's where nothing tells: its programs need no headers and no sections. */
export function guessDialect(text: string): Dialect {
  return score(text, LIBBPF) > score(text, BCC) ? libbpfDialect : bccDialect;
}
