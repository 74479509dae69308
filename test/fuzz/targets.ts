/**
 * What is given such inputs, and what must hold then: nothing is thrown but what the reader of the bytes promises to
 * throw, every message has a code and can be shown, at most twenty errors are, and what compiles can be written and read.
 */
import { BtfReader } from '../../src/btf/read.ts';
import type { BtfSource } from '../../src/btf/types.ts';
import { encodeBtf } from '../../src/btf/write.ts';
import { meaningOf } from '../../src/compiler/codes.ts';
import { compile, preprocess } from '../../src/compiler/compile.ts';
import { bccDialect } from '../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../src/compiler/dialect/libbpf/dialect.ts';
import { renderDiagnostics } from '../../src/compiler/render-diagnostic.ts';
import type { TargetFacts } from '../../src/compiler/target-facts.ts';
import { ElfFile, usdtProbes } from '../../src/elf/index.ts';
import { parseUsdtArguments } from '../../src/elf/usdt-arguments.ts';
import { parseVerifierLog } from '../../src/link/verifier-log.ts';
import { readObject } from '../../src/object/read.ts';
import type { ObjectSpec } from '../../src/object/spec.ts';
import { writeObject } from '../../src/object/write.ts';
import { PROGRAMS } from '../host/compiler/bcc-dialect-programs.ts';
import { CORE, FEATURES, TAGS, USDT } from '../host/compiler/libbpf-programs.ts';
import type { Random } from '../pure/preprocessor/random-text.ts';
import { deep, growing, mutated, mutatedBytes, soup } from './inputs.ts';

const BCC = Object.values(PROGRAMS).map((p) => p.text);
const LIBBPF = [CORE, FEATURES, TAGS, USDT];
const ALL = [...BCC, ...LIBBPF];

const FORMAT = `name: e\nID: 1\nformat:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;
\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;
\tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;\n`;

/** BTF with the types that the programs name. */
const SEED_BTF = (() => {
  const text = `struct task_struct { int pid, tgid; struct task_struct *real_parent; char comm[16]; unsigned __state; unsigned sched_reset_on_fork : 1; struct { unsigned long sp; } thread; };
struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss; };
struct __sk_buff { unsigned len, pkt_type, mark; }; struct file { struct inode *f_inode; }; struct inode { unsigned long i_ino; };
enum bpf_map_type { BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY }; typedef unsigned int u32; typedef unsigned long long u64;
struct task_struct t; struct pt_regs r; struct __sk_buff b; struct file fi; struct inode i; enum bpf_map_type m; u32 a; u64 c;
int f(void *ctx) { return t.pid + r.ax + b.len + i.i_ino + m + a + c + (long)fi.f_inode; }`;
  const { spec } = compile(text, { facts: facts(undefined), roots: ['f'] });
  if (spec?.btf === undefined) throw new Error('the seed does not compile');
  return encodeBtf(spec.btf);
})();

function facts(btf: BtfSource | undefined, format = FORMAT): TargetFacts {
  return {
    arch: 'x86_64',
    kernelVersion: 0x060c00,
    btf,
    cpu: 3,
    kconfig: (name) => (name.length % 2 === 0 ? 'y' : undefined),
    tracepointFormat: () => format,
    similarTracepoints: () => [],
    cpus: 2,
    possibleCpus: 2,
  };
}

/** Returns the size of what was compiled. */
function compiles(text: string, r: Random, btf: BtfSource | undefined, format?: string): number {
  const options = {
    facts: facts(btf, format),
    dialect: r.pick([bccDialect, libbpfDialect, undefined]),
    portable: r.below(3) === 0,
    roots: ['f'],
    warnUnused: true,
    file: 'fuzz.c',
  };
  const { spec, diagnostics, source } = r.below(12) === 0 ? { ...preprocess(text, options), spec: undefined } : compile(text, options);
  if (diagnostics.filter((d) => d.severity === 'error').length > 20) throw new Error('more than twenty errors');
  for (const d of diagnostics) if (meaningOf(d.code) === undefined) throw new Error(`code '${d.code}' stands in no table`);
  const shown = renderDiagnostics(diagnostics, source);
  if (/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/.test(shown)) throw new Error('a message with control characters');
  if (spec !== undefined) {
    const again = readObject(writeObject(spec));
    if (again.programs.length !== spec.programs.length) throw new Error('programs were lost between writing and reading');
  }
  return text.length;
}

let object: Uint8Array | undefined;
/** An object of ours, with maps, subprograms, CO-RE and types. */
function seedObject(): Uint8Array {
  if (object !== undefined) return object;
  const { spec } = compile(FEATURES.replace(/xdp\(struct xdp_md[\s\S]*?\n\}\n/, ''), {
    facts: facts(new BtfReader(SEED_BTF)),
    dialect: libbpfDialect,
    portable: true,
  });
  const { spec: simple } = compile(BCC[6] ?? '', { facts: facts(new BtfReader(SEED_BTF)), dialect: bccDialect });
  const made: ObjectSpec | undefined = spec ?? simple;
  if (made === undefined) throw new Error('no seed object');
  return (object = writeObject(made));
}

/** Errors that a reader of foreign bytes promises. */
const PROMISED = new Set(['ElfError', 'BtfError', 'ObjectError', 'UserError', 'UsageError']);

function reads(fn: () => void): undefined {
  try {
    fn();
  } catch (error) {
    if (!(error instanceof Error) || !PROMISED.has(error.name)) throw error;
  }
}

const LOG = `0: R1=ctx() R10=fp0
; u64 *v = h.lookup(&k); @ a.c:7
3: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=h,ks=4,vs=8)
4: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
Verification failed: memory access: null
Reason:
  R0 may be null
At:
  insn 4 (a.c:7)
Suggestion:
  check it
`;

/** Those that compile return how large the text was. */
export const TARGETS: Readonly<Record<string, (r: Random) => number | undefined>> = {
  soup: (r) => compiles(soup(r), r, undefined),
  mutated: (r) => compiles(mutated(r, ALL), r, new BtfReader(SEED_BTF)),
  cut: (r) => {
    const text = r.pick(ALL);
    return compiles(text.slice(0, r.below(text.length)), r, new BtfReader(SEED_BTF));
  },
  deep: (r) => compiles(deep(r), r, undefined),
  macros: (r) => compiles(growing(r), r, undefined),
  format: (r) => compiles('TRACEPOINT_PROBE(a, b) { return args->pid; }', r, undefined, mutated(r, [FORMAT])),
  btf: (r) =>
    reads(() => {
      const btf = new BtfReader(mutatedBytes(r, SEED_BTF));
      for (let id = 0; id < Math.min(btf.size, 200); id++) btf.type(id);
      compiles(r.pick(ALL), r, btf);
    }),
  elf: (r) =>
    reads(() => {
      const bytes = mutatedBytes(r, seedObject());
      reads(() => void usdtProbes(new ElfFile(bytes)));
      writeObject(readObject(bytes));
    }),
  log: (r): undefined => void parseVerifierLog(mutated(r, [LOG])),
  usdt: (r): undefined =>
    void parseUsdtArguments(
      mutated(r, ['-4@%eax 8@-8(%rbp) 4@x+4(%rip) 8@16(%rax,%rbx,8)', '-4@x0 8@[sp, 24] 8@[x1, w2, sxtw 3]']),
      r.pick(['x86_64', 'arm64']),
    ),
};
