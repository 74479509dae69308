/** What the installed BCC makes of the corpus of its own tools, for the headers of a guest's kernel: made once, kept in the cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from '../../src/isa/decode.ts';
import type { Insn } from '../../src/isa/insn.ts';
import { CLASS, MODE, PSEUDO, SIZE } from '../../src/isa/insn.ts';
import { mapTypeByNumber } from '../../src/object/map-types.ts';
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec, SymbolRef } from '../../src/object/spec.ts';
import { kernelHeaders } from '../lab/kernel-parts.ts';
import type { Series } from '../lab/kernels.ts';
import { root } from '../run/paths.ts';
import { once } from './corpora.ts';

/** As `bcc_bytecode.py` writes it. */
export interface BccBytecode {
  /** Why there is nothing. */
  readonly error?: string;
  /** Milliseconds of processor time that BCC took, in a process that has compiled before. */
  readonly ms: number;
  readonly license: string;
  readonly functions: Readonly<Record<string, string>>;
  readonly maps: readonly (Omit<MapSpec, 'type' | 'keyType' | 'valueType'> & { readonly type: number; readonly fd: number })[];
}

/** BCC needs root, and tracefs at its place. */
export function bccBytecode(series: Series, corpus: string): (name: string) => BccBytecode | undefined {
  const folder = once(`bcc-bytecode-${series}`, (part) => runBcc(series, corpus, part, []));
  return (name) => {
    const path = join(folder, `${name}.json`);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as BccBytecode) : undefined;
  };
}

/** Some programs of the corpus compiled by BCC, into a folder; all where no names are given. */
export function runBcc(series: Series, corpus: string, out: string, names: readonly string[]): void {
  const script = join(root, 'test', 'corpora', 'bcc_bytecode.py');
  const [major = 0, minor = 0] = series.split('.').map(Number);
  execFileSync(
    'unshare',
    ['-m', 'sh', '-c', 'mount -t tracefs nodev /sys/kernel/tracing && exec /usr/bin/python3 "$@"', 'sh', script, corpus, out, ...names],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      maxBuffer: 2 ** 28,
      env: {
        ...process.env,
        BCC_KERNEL_SOURCE: kernelHeaders(series),
        BCC_LINUX_VERSION_CODE: String((major << 16) | (minor << 8) | 255),
      },
    },
  );
}

/** BCC's code as an object that can be loaded, with program types as the tool's author meant them (`programs`). */
export function bccObject(name: string, bytecode: BccBytecode, programs: readonly ProgramSpec[]): ObjectSpec {
  const byFd = new Map(bytecode.maps.map((map) => [map.fd, map.name]));
  const functions = new Map<string, FunctionSpec>();
  for (const [fn, hex] of Object.entries(bytecode.functions)) functions.set(fn, functionOf(fn, decode(Buffer.from(hex, 'hex')), byFd));
  const maps = new Map<string, MapSpec>();
  for (const { fd: _, type, ...map } of bytecode.maps) {
    maps.set(map.name, { ...map, type: mapTypeByNumber(type)?.name ?? String(type), keyType: 0, valueType: 0 });
  }
  return {
    name: name.slice(0, 15),
    license: bytecode.license,
    programs: programs.filter(({ entry }) => functions.has(entry)),
    functions,
    maps,
    variables: new Map(),
    btf: undefined,
    sources: new Map(),
  };
}

function functionOf(name: string, insns: readonly Insn[], byFd: ReadonlyMap<number, string>): FunctionSpec {
  const refs: SymbolRef[] = [];
  insns.forEach((i, insn) => {
    const map = i.op === (CLASS.LD | MODE.IMM | SIZE.DW) && i.src === PSEUDO.MAP_FD ? byFd.get(i.imm) : undefined;
    if (map !== undefined) refs.push({ insn, to: { kind: 'map', map } });
  });
  return { name, linkage: 'global', insns, refs, lines: [], core: [] };
}
