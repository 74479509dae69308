/**
 * ObjectSpec: what every front end makes and everything after it starts from.
 *
 *   restricted C ─┐
 *   TypeScript   ─┼─▶ ObjectSpec ─▶ link ─▶ kernel | vm | .bpf.o
 *   .bpf.o       ─┘
 *
 * Plain data: no descriptors, no file system, nothing of the running kernel. The same source and the same BTF give
 * the same spec. Functions are kept apart (one instruction list each, references by name); `link/` joins a program
 * with the subprograms it calls and turns references into numbers.
 */
import type { BtfSource } from '../btf/types.ts';
import type { Insn } from '../isa/insn.ts';

export interface ObjectSpec {
  readonly name: string;
  readonly license: string;
  /** Entry points, in source order. */
  readonly programs: readonly ProgramSpec[];
  /** Every function with a body that became instructions, entry points and subprograms, by name. */
  readonly functions: ReadonlyMap<string, FunctionSpec>;
  readonly maps: ReadonlyMap<string, MapSpec>;
  /** Global variables by C name. Their bytes live in `maps` of kind data (`.data`, `.rodata`, `.bss`, `.kconfig`). */
  readonly variables: ReadonlyMap<string, VariableSpec>;
  /** The object's own types; ids in this spec refer to it. Serialised with `btf/write.ts` when loading. */
  readonly btf: BtfSource | undefined;
  /** Source texts by file name, so that messages can show lines. */
  readonly sources: ReadonlyMap<string, string>;
}

export interface ProgramSpec {
  readonly name: string;
  /** Name in `ObjectSpec.functions`. */
  readonly entry: string;
  /** Kernel's name of the type: 'kprobe', 'tracepoint', 'socket_filter', ... (see `object/program-types.ts`). */
  readonly type: string;
  /** Kernel's name of the expected attach type ('trace_fentry', 'cgroup_inet_ingress', ...) where the type needs one. */
  readonly attachType?: string;
  /** What to attach to, as the source says it: 'block:block_rq_issue', 'vfs_read', 'vmlinux:tcp_v4_connect'. */
  readonly target?: string;
  /** ELF section this came from or would go to: 'tracepoint/block/block_rq_issue', 'socket1', 'kprobe/vfs_read'. */
  readonly section: string;
  /** True where opening the object should attach it without being asked (BCC's prefixes, libbpf's sections). */
  readonly autoAttach: boolean;
  /** False for `SEC("?…")`. */
  readonly autoLoad: boolean;
  readonly sleepable?: boolean;
  readonly xdpFrags?: boolean;
}

export interface FunctionSpec {
  readonly name: string;
  readonly linkage: 'static' | 'global' | 'weak';
  readonly insns: readonly Insn[];
  /** Symbolic operands, ascending by `insn` (index into `insns`, not slot). */
  readonly refs: readonly SymbolRef[];
  /** Ascending by `insn`; each holds until the next. */
  readonly lines: readonly LineInfo[];
  /** Id of the FUNC type in `ObjectSpec.btf`. */
  readonly btfFunc?: number;
  readonly core: readonly CoreRelocation[];
  /** Bytes of stack that the function uses, where the front end knows. */
  readonly stack?: number;
}

export interface LineInfo {
  readonly insn: number;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export interface SymbolRef {
  /** Index into `FunctionSpec.insns`. */
  readonly insn: number;
  readonly to: Reference;
}

/** What an instruction refers to by name until `link/` knows the number. */
export type Reference =
  /** `ld_imm64` of a map descriptor. */
  | { readonly kind: 'map'; readonly map: string }
  /** `ld_imm64` of an address inside a map's value (data sections): map name and byte offset. */
  | { readonly kind: 'mapValue'; readonly map: string; readonly offset: number }
  /** A call of another function of this object. */
  | { readonly kind: 'call'; readonly function: string }
  /** `ld_imm64` of a callback's address. */
  | { readonly kind: 'functionAddress'; readonly function: string }
  /** A call of a kernel function (kfunc). */
  | { readonly kind: 'kfunc'; readonly name: string; readonly weak: boolean }
  /** `ld_imm64` of a kernel symbol; typed ones are variables in BTF. */
  | { readonly kind: 'ksym'; readonly name: string; readonly typed: boolean; readonly weak: boolean }
  /** An external kconfig value: resolved to an offset in `.kconfig`. */
  | { readonly kind: 'kconfig'; readonly name: string; readonly weak: boolean };

/** CO-RE relocation kinds by the number that .BTF.ext uses (index in this list). */
export const CORE_KINDS = [
  'fieldByteOffset',
  'fieldByteSize',
  'fieldExists',
  'fieldSigned',
  'fieldLshift',
  'fieldRshift',
  'typeIdLocal',
  'typeIdTarget',
  'typeExists',
  'typeSize',
  'enumvalExists',
  'enumvalValue',
  'typeMatches',
] as const;
export type CoreKind = (typeof CORE_KINDS)[number];

export interface CoreRelocation {
  readonly insn: number;
  readonly kind: CoreKind;
  /** Type id in `ObjectSpec.btf`. */
  readonly type: number;
  /** Access path as .BTF.ext writes it: '0:1:2'. */
  readonly access: string;
}

export interface MapSpec {
  readonly name: string;
  /** Kernel's name: 'hash', 'array', 'percpu_hash', 'perf_event_array', 'ringbuf', ... (see `object/map-types.ts`). */
  readonly type: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* bits. */
  readonly flags: number;
  /** Type ids in `ObjectSpec.btf`, 0 for none. */
  readonly keyType: number;
  readonly valueType: number;
  readonly extra?: bigint;
  readonly numaNode?: number;
  /** Pin by name below this folder, or at this path. */
  readonly pin?: string;
  /** The template of an inner map. */
  readonly inner?: MapSpec;
  /** Static contents: inner map names or program names by index. */
  readonly values?: readonly { readonly index: number; readonly name: string }[];
  /** Initial bytes of a data section's only value. */
  readonly data?: Uint8Array;
  /** Freeze after filling (`.rodata`). */
  readonly frozen?: boolean;
  /** What the front end knows beyond the kernel: 'histogram', 'perf_output', ... (BCC's table kinds). */
  readonly role?: string;
  /** For perf and ring buffers: ids of the types of records that the programs submit, where known. */
  readonly recordTypes?: readonly number[];
  /** Shared between objects of one process (BCC's `BPF_TABLE_PUBLIC`, 'extern'). */
  readonly sharing?: 'public' | 'extern' | 'shared';
}

export interface VariableSpec {
  readonly name: string;
  /** Data map: '.data', '.rodata', '.bss', '.kconfig', '.data.x'. */
  readonly map: string;
  readonly offset: number;
  readonly size: number;
  /** Type id in `ObjectSpec.btf`, 0 for none. */
  readonly type: number;
  readonly linkage: 'static' | 'global' | 'extern';
}
