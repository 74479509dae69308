/**
 * A whole hash in one go, by a program: more than twice as quick as batches, which lock each bucket and copy each piece
 * to user space by itself.
 *
 *   test run of a syscall program ─▶ bpf_for_each_map_elem(map, each) ─▶ each: keys[n] = key, values[n++] = value
 *   two mapped arrays:   | key | key | key …   | value | value | value …      read where the program left them
 *
 * Each key and each value takes a multiple of eight bytes, as elements of arrays do. What is eight bytes long lies in the
 * mapped array as it does in a typed array, so that a column is one copy.
 *
 * The processor that walks does nothing else until the walk has ended where the kernel cannot be preempted: about a
 * tenth of a second for a million entries. So this is for callers who ask for it. As with batches, an entry that stays
 * is seen at least once; one that comes or goes may or may not be seen.
 *
 * Minimum kernel: 5.14, with types (CONFIG_DEBUG_INFO_BTF is not needed). Needs CAP_BPF. What the kernel refuses (values
 * with locks or pointers in them, an older kernel) is no error: the caller reads in batches then.
 */
import { BtfBuilder } from '../btf/builder.ts';
import { alu64Imm, branch64Imm, callHelper, exit, ldFunction, ldMapFd, load, mov64, mov64Imm, type Size, store } from '../isa/build.ts';
import { ALU, FP, type Insn, JMP, SIZE } from '../isa/insn.ts';
import { attrLayout, BPF_CMD, encodeAttr } from '../kernel/bpf-attr.ts';
import { MAP_FLAG } from '../kernel/bpf-enums.ts';
import { UserError } from '../kernel/errors.ts';
import { readTargetFacts } from '../kernel/facts.ts';
import { decode } from '../kernel/layout.ts';
import { type Kernel, KernelError, type MappedMemory } from '../kernel/port.ts';
import { atLeast } from '../kernel/version.ts';
import { LinkError } from '../link/error.ts';
import { loadObject } from '../link/load.ts';
import type { FunctionSpec, MapSpec, ObjectSpec } from '../object/spec.ts';
import { mapArray, strideOf } from './mapped.ts';

/** What lies `stride` bytes apart in `view`. */
export interface WalkedPart {
  readonly view: DataView;
  readonly stride: number;
}

export interface Walked {
  readonly count: number;
  readonly keys: WalkedPart;
  readonly values: WalkedPart;
  /** Gives the memory back; the views are not used afterwards. */
  close(): void;
}

/** Keys and values up to this size are copied by instructions that stand there one by one. */
const MOST_BYTES = 128;
/** Both arrays, for all entries that could be there. */
const MOST_MEMORY = 256 * 2 ** 20;
const LOOKUP_ELEM = 1;
const FOR_EACH_MAP_ELEM = 164;
const KINDS: ReadonlySet<string> = new Set(['hash', 'lru_hash']);

/** All entries; undefined where it cannot be done, or more came than there is room for. */
export function walk(kernel: Kernel, map: { readonly fd: number; readonly spec: MapSpec }): Walked | undefined {
  const { type, keySize, valueSize, maxEntries, flags } = map.spec;
  const spec: MapSpec = { name: 'map', type, keySize, valueSize, maxEntries, flags, keyType: 0, valueType: 0 };
  const arrays = [
    { name: 'keys', valueSize: keySize },
    { name: 'values', valueSize },
  ].map((part): MapSpec => ({ ...part, type: 'array', keySize: 4, maxEntries, flags: MAP_FLAG.MMAPABLE, keyType: 0, valueType: 0 }));
  const bytes = arrays.reduce((sum, array) => sum + strideOf(array), 0);
  if (!KINDS.has(type) || bytes > MOST_BYTES || bytes * maxEntries > MOST_MEMORY) return undefined;
  const facts = readTargetFacts(kernel);
  if (!atLeast(facts.version, '5.14')) return undefined;
  const mapped: MappedMemory[] = [];
  try {
    using object = loadObject(walker(spec, arrays), kernel, { facts, maps: new Map([[spec.name, map.fd]]) });
    const count = run(kernel, object.programs.get('walk')?.fd ?? -1);
    if (count > maxEntries) return undefined;
    // The mappings keep the arrays when their descriptors are closed.
    for (const array of arrays) mapped.push(mapArray(kernel, { name: array.name, fd: object.mapFd(array.name), spec: array }));
    const [keys, values] = arrays.map(
      (array, at): WalkedPart => ({ view: new DataView((mapped[at] as MappedMemory).buffer), stride: strideOf(array) }),
    );
    return { count, keys: keys as WalkedPart, values: values as WalkedPart, close: () => unmapAll(mapped) };
  } catch (error) {
    unmapAll(mapped);
    if (error instanceof KernelError || error instanceof UserError || error instanceof LinkError) return undefined;
    throw error;
  }
}

function unmapAll(memories: readonly MappedMemory[]): void {
  for (const memory of memories) memory.unmap();
}

function run(kernel: Kernel, program: number): number {
  const attr = encodeAttr(kernel, 'PROG_TEST_RUN', { prog_fd: program });
  kernel.bpf(BPF_CMD.PROG_TEST_RUN, attr);
  return decode(attrLayout('PROG_TEST_RUN'), attr).retval;
}

function walker(map: MapSpec, arrays: readonly MapSpec[]): ObjectSpec {
  const btf = new BtfBuilder();
  const int = btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const proto = btf.add({ kind: 'funcProto', returns: int, params: [], variadic: false });
  const fn = (name: string, linkage: 'global' | 'static', insns: readonly Insn[], refs: FunctionSpec['refs']): [string, FunctionSpec] => [
    name,
    { name, linkage, insns, refs, lines: [], core: [], btfFunc: btf.append({ kind: 'func', name, type: proto, linkage }) },
  ];
  const walkInsns = [
    mov64Imm(1, 0),
    store(SIZE.DW, FP, -8, 1),
    ldMapFd(1, 0),
    ldFunction(2, 0),
    mov64(3, FP),
    alu64Imm(ALU.ADD, 3, -8),
    mov64Imm(4, 0),
    callHelper(FOR_EACH_MAP_ELEM),
    load(SIZE.W, 0, FP, -8),
    exit(),
  ];
  const [KEY, VALUE, COUNT] = [6, 7, 8];
  // (map, key, value, count): the count grows also where there is no room, which is how that is seen.
  const eachInsns = [
    mov64(KEY, 2),
    mov64(VALUE, 3),
    mov64(COUNT, 4),
    load(SIZE.W, 1, COUNT, 0),
    store(SIZE.W, FP, -4, 1),
    alu64Imm(ALU.ADD, 1, 1),
    store(SIZE.W, COUNT, 0, 1),
    ...put(KEY, map.keySize),
    ...put(VALUE, map.valueSize),
    mov64Imm(0, 0),
    exit(),
  ];
  const [putKey, putValue] = eachInsns.flatMap((insn, at) => (isLoad64(insn) ? [at] : []));
  return {
    name: 'walk',
    license: 'GPL',
    programs: [{ name: 'walk', entry: 'walk', section: 'syscall', type: 'syscall', sleepable: true, autoAttach: false, autoLoad: true }],
    functions: new Map([
      fn('walk', 'global', walkInsns, [
        { insn: walkInsns.findIndex(isLoad64), to: { kind: 'map', map: map.name } },
        { insn: walkInsns.findIndex(isLoad64) + 1, to: { kind: 'functionAddress', function: 'each' } },
      ]),
      fn(
        'each',
        'static',
        eachInsns,
        arrays.map((array, at) => ({ insn: [putKey, putValue][at] as number, to: { kind: 'map', map: array.name } })),
      ),
    ]),
    maps: new Map([map, ...arrays].map((one) => [one.name, one])),
    variables: new Map(),
    btf,
    sources: new Map(),
  };
}

const isLoad64 = ({ op }: Insn): boolean => op === 0x18;

/** Copies `size` bytes from where a register points to the element of an array whose index is on the stack. */
function put(from: number, size: number): readonly Insn[] {
  return [
    ldMapFd(1, 0),
    mov64(2, FP),
    alu64Imm(ALU.ADD, 2, -4),
    callHelper(LOOKUP_ELEM),
    branch64Imm(JMP.JNE, 0, 0, 2),
    mov64Imm(0, 1),
    exit(),
    ...copied(from, size),
  ];
}

/** From where a register points to where r0 points, in pieces as large as may be. */
function* copied(from: number, size: number): Generator<Insn> {
  const pieces: readonly (readonly [bytes: number, size: Size])[] = [
    [8, SIZE.DW],
    [4, SIZE.W],
    [2, SIZE.H],
    [1, SIZE.B],
  ];
  for (let at = 0; at < size; ) {
    const [bytes, width] = pieces.find(([bytes]) => bytes <= size - at) ?? [1, SIZE.B];
    yield load(width, 1, from, at);
    yield store(width, 0, at, 1);
    at += bytes;
  }
}
