/**
 * Sources that nobody here wrote: from Debian's packages, unpacked into the cache at test time, never committed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from '../run/paths.ts';

/** A corpus is missing on this machine: skip, or fail where CI must have it. */
export class CorpusMissing extends Error {
  override name = 'CorpusMissing';
}

/** Makes `cache/corpora/<name>` once with `fill`; a run that was cut short leaves nothing behind. */
export function once(name: string, fill: (folder: string) => void): string {
  const folder = join(cache, 'corpora', name);
  if (existsSync(join(folder, '.complete'))) return folder;
  const part = `${folder}.part-${process.pid}`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    fill(part);
    writeFileSync(join(part, '.complete'), '');
    rmSync(folder, { recursive: true, force: true });
    try {
      renameSync(part, folder);
    } catch (error) {
      if (!existsSync(join(folder, '.complete'))) throw error;
    }
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}

/** Unpacks some paths of a tar archive of a Debian source package. */
export function untar(archive: string, folder: string, strip: number, patterns: readonly string[]): void {
  if (!existsSync(archive)) throw new CorpusMissing(`${archive} is not there (install its Debian package)`);
  execFileSync('tar', ['-xf', archive, '-C', folder, `--strip-components=${strip}`, '--wildcards', ...patterns], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export interface BccProgram {
  readonly tool: string;
  /** 'opensnoop.3' */
  readonly name: string;
  readonly text: string;
  readonly args: string;
  readonly mode: string;
  readonly cflags: readonly string[];
  readonly usdt: boolean;
}

/** Where they are: `<name>.c` and `<name>.json` of each. */
export function bccFolder(): string {
  if (!existsSync('/usr/sbin/bitesize-bpfcc')) throw new CorpusMissing('bpfcc-tools is not installed');
  return once('bcc', (part) => {
    execFileSync('/usr/bin/python3', [join(root, 'test', 'corpora', 'capture_bcc.py'), part], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

/** Every C program of the installed BCC tools, for every command line of their own examples. */
export function bccPrograms(): BccProgram[] {
  const folder = bccFolder();
  return readdirSync(folder)
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => {
      const base = name.slice(0, -2);
      const about = JSON.parse(readFileSync(join(folder, `${base}.json`), 'utf8')) as Omit<BccProgram, 'name' | 'text'>;
      return { ...about, name: base, text: readFileSync(join(folder, name), 'utf8') };
    });
}

export interface SourceFile {
  readonly name: string;
  readonly path: string;
}

/** `samples/bpf` of Debian's kernel source: the folder, and its kernel-side files. */
export function kernelSamples(series: '6.1' | '6.12'): { readonly folder: string; readonly files: readonly SourceFile[] } {
  const folder = once(`samples-${series}`, (part) => {
    untar(`/usr/src/linux-source-${series}.tar.xz`, part, 1, [
      '*/samples/bpf/*',
      '*/tools/testing/selftests/bpf/bpf_*.h',
      '*/tools/include/uapi/linux/*.h',
    ]);
  });
  const samples = join(folder, 'samples', 'bpf');
  const files = readdirSync(samples)
    .filter((name) => /(_kern|\.bpf|^parse_.*|^test_lwt_bpf)\.c$/.test(name))
    .sort()
    .map((name) => ({ name, path: join(samples, name) }));
  return { folder: samples, files };
}

/** `gcc.c-torture/execute` of GCC 12. */
export function cTorture(): SourceFile[] {
  const folder = once('c-torture', (part) =>
    untar(gccArchive(), part, 4, ['*/gcc/testsuite/gcc.c-torture/execute/*.c', '*/gcc/testsuite/gcc.c-torture/execute/*.x']),
  );
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.c') && !/ieee|builtins/.test(name))
    .sort()
    .map((name) => ({ name: name.split('/').pop() as string, path: join(folder, name) }));
}

/** `gcc.dg/cpp` of GCC 12: the preprocessor's tests. */
export function gccCpp(): { readonly folder: string; readonly files: readonly SourceFile[] } {
  const folder = once('gcc-cpp', (part) => untar(gccArchive(), part, 4, ['*/gcc/testsuite/gcc.dg/cpp/*']));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => ({ name, path: join(folder, name) }));
  return { folder, files };
}

function gccArchive(): string {
  const folder = '/usr/src/gcc-12';
  const name = existsSync(folder) ? readdirSync(folder).find((file) => /^gcc-12.*\.tar\.xz$/.test(file)) : undefined;
  if (name === undefined) throw new CorpusMissing('gcc-12-source is not installed');
  return join(folder, name);
}
