/**
 * Guest kernels: which ones, and how they come here.
 *
 * Debian's packages, newest of each series at hand (exact versions go out of the archive, so they are looked up),
 * downloaded and unpacked into the cache folder, not installed. `depmod` then writes the module index there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from '../run/paths.ts';

/** The matrix. A series is what one says on the command line. */
export const SERIES = ['6.1', '6.12'] as const;
export type Series = (typeof SERIES)[number];

export interface GuestKernel {
  readonly series: Series;
  /** `uname -r` of the guest. */
  readonly release: string;
  readonly vmlinuz: string;
  /** Folder of this release's modules: `…/lib/modules/<release>`. */
  readonly modules: string;
  readonly config: string;
}

/** The unpacked kernel of a series, fetched when it is not in the cache. Throws `LabError` where it cannot be had. */
export function guestKernel(series: Series): GuestKernel {
  const folder = join(cache, 'kernels', series);
  const release = unpackedRelease(folder) ?? fetch(series, folder);
  return {
    series,
    release,
    vmlinuz: join(folder, 'boot', `vmlinuz-${release}`),
    modules: join(folder, 'lib', 'modules', release),
    config: join(folder, 'boot', `config-${release}`),
  };
}

export class LabError extends Error {
  override name = 'LabError';
}

function unpackedRelease(folder: string): string | undefined {
  const modules = join(folder, 'lib', 'modules');
  if (!existsSync(modules)) return undefined;
  const release = readdirSync(modules)[0];
  return release !== undefined && existsSync(join(modules, release, 'modules.dep')) ? release : undefined;
}

function fetch(series: Series, folder: string): string {
  const name = newestPackage(series);
  const parts = `${folder}.part-${process.pid}`;
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  run('apt-get', ['download', name], parts);
  const deb = readdirSync(parts).find((file) => file.endsWith('.deb'));
  if (deb === undefined) throw new LabError(`apt-get download ${name} left no package`);
  run('dpkg-deb', ['-x', deb, '.'], parts);
  rmSync(join(parts, deb));
  const release = readdirSync(join(parts, 'lib', 'modules'))[0];
  if (release === undefined) throw new LabError(`${name} holds no modules`);
  run('depmod', ['-b', parts, release], parts);
  rmSync(folder, { recursive: true, force: true });
  renameSync(parts, folder);
  return release;
}

/** The newest `linux-image-<series>*-amd64-unsigned` of the archive, plain flavour. */
function newestPackage(series: Series): string {
  const pattern = new RegExp(`^linux-image-${series.replace('.', '\\.')}[.\\d+a-z~-]*-amd64-unsigned$`);
  const names = run('apt-cache', ['pkgnames', `linux-image-${series}.`], '/')
    .split('\n')
    .filter((name) => pattern.test(name) && !/-(cloud|rt)-/.test(name));
  const numbers = (name: string) => (name.match(/\d+/g) ?? []).map(Number);
  names.sort((a, b) => compare(numbers(b), numbers(a)));
  const newest = names[0];
  if (newest === undefined)
    throw new LabError(`no kernel package of ${series} in Debian's archive as this machine knows it (apt-get update?)`);
  return newest;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
  } catch (error) {
    throw new LabError(`${command} ${args.join(' ')}: ${(error as Error).message}`);
  }
}
