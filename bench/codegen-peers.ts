/**
 * The sources that the code generator is measured on, and what its peers make of them.
 *
 *   own       bench/codegen/*.c                      clang -O2 -mcpu=v3
 *   bcc       every C program of the BCC tools       BCC's own bytecode, for the same kernel's headers
 *   samples   samples/bpf of Linux 6.1 and 6.12      clang with the kernel's headers, as the samples' Makefile does it
 *
 * Both sides compile for the guest kernel of that series, whichever kernel runs here: its types from its image, its
 * headers from Debian's packages. Only formats of tracepoints come from the kernel at hand (for BCC, too).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { folderResolver } from '../src/compiler/c/preprocessor/headers.ts';
import type { CompileOptions } from '../src/compiler/compile.ts';
import { guessDialect } from '../src/compiler/dialect/auto.ts';
import { bccDialect } from '../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../src/compiler/dialect/libbpf/dialect.ts';
import type { TargetFacts } from '../src/compiler/target-facts.ts';
import { ObjectError } from '../src/object/error.ts';
import { readObject } from '../src/object/read.ts';
import type { ObjectSpec } from '../src/object/spec.ts';
import { bccBytecode, bccObject } from '../test/corpora/bcc-bytecode.ts';
import { bccFolder, bccPrograms, kernelSamples } from '../test/corpora/corpora.ts';
import { guestBtfFile, guestFacts, kernelHeaders } from '../test/lab/kernel-parts.ts';
import type { Series } from '../test/lab/kernels.ts';
import { cache, root } from '../test/run/paths.ts';
import { withCpu } from '../test/support/facts.ts';
import { installed } from './measure.ts';

export const FAMILIES = ['own', 'bcc', 'samples'] as const;
export type Family = (typeof FAMILIES)[number];

export interface Subject {
  readonly family: Family;
  readonly name: string;
  readonly text: string;
  readonly options: CompileOptions;
  /** The peer's code for the same text; undefined where it does not compile it. */
  peer(ours: ObjectSpec): ObjectSpec | undefined;
  /** How long the peer took, where that was measured: milliseconds. */
  readonly peerMs?: number;
}

const clang = ['clang-19', 'clang'].find(installed);
const llvm = (tool: string): string => (installed(`${tool}-19`) ? `${tool}-19` : tool);
const BPF = ['-O2', '-g', '-mcpu=v3', '-target', 'bpf', '-w'];

/** The same instruction set for both. */
const v3 = (facts: TargetFacts): TargetFacts => withCpu(facts, 3);

export function subjects(family: Family, here: TargetFacts): Subject[] {
  switch (family) {
    case 'own':
      return own(
        readdirSync(join(root, 'bench', 'codegen'))
          .filter((f) => f.endsWith('.c'))
          .sort()
          .map((f) => join(root, 'bench', 'codegen', f)),
        here,
      );
    case 'bcc':
      return bcc('6.1', here);
    case 'samples':
      return [...samples('6.1', here), ...samples('6.12', here)];
    default:
      return family satisfies never;
  }
}

export function own(paths: readonly string[], here: TargetFacts): Subject[] {
  const facts = v3(here);
  return paths.map((path) => {
    const text = readFileSync(path, 'utf8');
    return {
      family: 'own',
      name: basename(path).replace(/(\.bpf)?\.c$/, ''),
      text,
      options: { facts, dialect: guessDialect(text), file: basename(path) },
      peer: () => byClang(path, 'own', (out) => [[clang ?? 'clang', ...BPF, '-I/usr/include/x86_64-linux-gnu', '-c', path, '-o', out]]),
    };
  });
}

function bcc(series: Series, here: TargetFacts): Subject[] {
  const facts = v3(guestFacts(series, here));
  const bytecode = bccBytecode(series, bccFolder());
  return bccPrograms().map(({ name, text, tool, cflags }) => {
    const theirs = bytecode(name);
    const made = theirs !== undefined && theirs.error === undefined;
    return {
      family: 'bcc',
      name,
      text,
      options: {
        facts,
        dialect: bccDialect,
        name: tool.slice(0, 15),
        file: `${name}.c`,
        defines: cflags.filter((flag) => flag.startsWith('-D')).map((flag) => flag.slice(2)),
      },
      peer: (ours) => (made ? bccObject(name, theirs, ours.programs) : undefined),
      ...(made ? { peerMs: theirs.ms } : {}),
    };
  });
}

/** No sample of its own: it is linked into those that include its header. */
const PART = 'xdp_sample.bpf.c';

function samples(series: Series, here: TargetFacts): Subject[] {
  const facts = v3(guestFacts(series, here));
  const { folder, files } = kernelSamples(series);
  const readIfThere = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  const includes = folderResolver({ quoted: [folder], read: readIfThere });
  return files
    .filter(({ name }) => name !== PART)
    .map(({ name, path }) => {
      const own = readFileSync(path, 'utf8');
      const text = own.includes('"xdp_sample.bpf.h"') ? `${own}\n#include "${PART}"\n` : own;
      const defines = name === 'test_lwt_bpf.c' ? ['SRC_MAC=0x1', 'DST_MAC=0x2', 'DST_IFINDEX=1'] : [];
      return {
        family: 'samples',
        name: `${series}/${name}`,
        text,
        options: { facts, dialect: libbpfDialect, name: name.slice(0, 15), file: path, includes, defines },
        peer: () =>
          byClang(path, series, (out) =>
            name.endsWith('.bpf.c') ? withVmlinux(series, text, out) : withHeaders(series, path, defines, out),
          ),
      };
    });
}

/** Runs commands that end in an object, kept in the cache by the newest of clang and source; undefined where one fails. */
function byClang(path: string, series: string, commands: (out: string) => string[][]): ObjectSpec | undefined {
  if (clang === undefined) return undefined;
  const kept = join(cache, 'clang-objects', series);
  mkdirSync(kept, { recursive: true });
  const out = join(kept, `${basename(path)}.o`);
  if (series === 'own' || !existsSync(out)) {
    const part = `${out}.part-${process.pid}`;
    writeFileSync(part, '');
    for (const [command = '', ...args] of commands(part)) if (spawnSync(command, args).status !== 0) writeFileSync(part, '');
    renameSync(part, out);
  }
  const bytes = new Uint8Array(readFileSync(out));
  if (bytes.length === 0) return undefined;
  try {
    return readObject(bytes, { name: basename(path) });
  } catch (error) {
    // Map definitions of an old kind, which today's libbpf refuses, too.
    if (error instanceof ObjectError) return undefined;
    throw error;
  }
}

/** Kernel-side files of the old kind: read as part of the kernel, then made into BPF. */
function withHeaders(series: Series, path: string, defines: readonly string[], out: string): string[][] {
  const headers = kernelHeaders(series);
  const folder = kernelSamples(series).folder;
  const arch = join(headers, 'arch', 'x86', 'include');
  const top = join(folder, '..', '..');
  const resources = execFileSync(clang ?? 'clang', ['-print-resource-dir'], { encoding: 'utf8' }).trim();
  const [front, middle, end] = [`${out}.bc`, `${out}.opt.bc`, out];
  return [
    [
      clang ?? 'clang',
      ...['-nostdinc', '-isystem', join(resources, 'include')],
      ...[arch, join(arch, 'generated'), join(headers, 'include'), join(arch, 'uapi'), join(arch, 'generated', 'uapi')].map(
        (d) => `-I${d}`,
      ),
      ...[join(headers, 'include', 'uapi'), join(headers, 'include', 'generated', 'uapi')].map((d) => `-I${d}`),
      ...['-include', join(headers, 'include', 'linux', 'compiler-version.h'), '-include', join(headers, 'include', 'linux', 'kconfig.h')],
      ...[join(top, 'tools', 'testing', 'selftests', 'bpf'), '/usr/include'].map((d) => `-idirafter${d}`),
      ...['-D__KERNEL__', '-D__BPF_TRACING__', '-D__TARGET_ARCH_x86', '-fno-asynchronous-unwind-tables', '-w', `-I${folder}`],
      ...['-include', 'asm_goto_workaround.h', ...defines.map((d) => `-D${d}`)],
      ...['-g', '-O2', '-emit-llvm', '-Xclang', '-disable-llvm-passes', '-c', path, '-o', front],
    ],
    [llvm('opt'), '-O2', '-mtriple=bpf-pc-linux', front, '-o', middle],
    [llvm('llc'), '-march=bpf', '-mcpu=v3', '-filetype=obj', middle, '-o', end],
    ['rm', '-f', front, middle],
  ];
}

/** `.bpf.c`: types from a dump of the kernel's BTF. */
function withVmlinux(series: Series, text: string, out: string): string[][] {
  const { folder } = kernelSamples(series);
  const kept = join(cache, 'clang-objects', series);
  const header = join(kept, 'vmlinux.h');
  if (!existsSync(header)) {
    const dump = execFileSync('bpftool', ['btf', 'dump', 'file', guestBtfFile(series), 'format', 'c'], { maxBuffer: 2 ** 28 });
    writeFileSync(header, dump);
  }
  const whole = `${out}.c`;
  writeFileSync(whole, text);
  return [
    [
      clang ?? 'clang',
      ...BPF,
      '-D__TARGET_ARCH_x86',
      `-I${kept}`,
      `-I${folder}`,
      `-I${join(folder, '..', '..', 'tools', 'include')}`,
      '-c',
      whole,
      '-o',
      out,
    ],
    ['rm', '-f', whole],
  ];
}
