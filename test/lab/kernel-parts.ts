/**
 * What can be known of a guest kernel without booting it: its types, its configuration, its headers.
 *
 *   vmlinuz ─▶ payload ─▶ vmlinux ─▶ .BTF         the boot protocol's header says where the payload is
 *   linux-headers-<release>, -common ─▶ one tree, as BCC_KERNEL_SOURCE and `clang -I` want it
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BtfReader } from '../../src/btf/read.ts';
import type { TargetFacts } from '../../src/compiler/target-facts.ts';
import { ElfFile } from '../../src/elf/read.ts';
import { parseKconfig } from '../../src/kernel/kconfig.ts';
import { kernelVersion } from '../../src/kernel/version.ts';
import { cache } from '../run/paths.ts';
import { GUEST_CPUS } from './guest.ts';
import { guestKernel, LabError, type Series } from './kernels.ts';
import { tracepointsOf } from './tracepoints.ts';

/** Types of the guest's kernel, as /sys/kernel/btf/vmlinux has them there: the file. */
export function guestBtfFile(series: Series): string {
  const { vmlinuz, release } = guestKernel(series);
  const file = join(cache, 'kernels', `vmlinux-${release}.btf`);
  if (!existsSync(file)) {
    const part = `${file}.part-${process.pid}`;
    writeFileSync(part, btfOf(unpack(readFileSync(vmlinuz)), vmlinuz));
    renameSync(part, file);
  }
  return file;
}

function btfOf(vmlinux: Uint8Array, from: string): Uint8Array {
  const elf = new ElfFile(vmlinux);
  const section = elf.section('.BTF');
  if (section === undefined) throw new LabError(`the kernel in ${from} has no types`);
  return elf.data(section);
}

/** The compressed kernel in a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length). */
function unpack(image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const start = ((view.getUint8(0x1f1) || 4) + 1) * 512 + view.getUint32(0x248, true);
  // The last four bytes are the unpacked size.
  const payload = image.subarray(start, start + view.getUint32(0x24c, true) - 4);
  const [command, args] = view.getUint32(start) === 0xfd377a58 ? ['xz', ['-dc', '--single-stream']] : ['zstd', ['-dc']];
  const run = spawnSync(command as string, args as string[], { input: payload, maxBuffer: 2 ** 28 });
  if (run.stdout.length === 0) throw new LabError(`${command} cannot unpack the kernel: ${run.stderr}`);
  return run.stdout;
}

/**
 * Facts about the guest for compiling on this machine. Formats of tracepoints are the guest's own where they were
 * fetched (`fetchTracepoints`), else those of the kernel at hand.
 */
export function guestFacts(series: Series, here: TargetFacts): TargetFacts {
  const kernel = guestKernel(series);
  const { release, config } = kernel;
  const formats = tracepointsOf(kernel);
  const values = parseKconfig(readFileSync(config, 'utf8'));
  const [major = 0, minor = 0] = series.split('.').map(Number);
  let btf: BtfReader | undefined;
  return {
    arch: 'x86_64',
    kernelVersion: kernelVersion(major, minor, Number(/^\d+\.\d+\.(\d+)/.exec(release)?.[1] ?? 0)),
    get btf() {
      return (btf ??= new BtfReader(new Uint8Array(readFileSync(guestBtfFile(series)))));
    },
    cpu: major * 100 + minor >= 606 ? 4 : 3,
    kconfig: (name) => values.get(name.startsWith('CONFIG_') ? name : `CONFIG_${name}`),
    tracepointFormat: (category, event) =>
      formats === undefined ? here.tracepointFormat(category, event) : formats.get(`${category}/${event}`),
    similarTracepoints: (category, event) => (formats === undefined ? here.similarTracepoints(category, event) : []),
    cpus: GUEST_CPUS,
    possibleCpus: GUEST_CPUS,
  };
}

/** Headers of the guest's kernel in one tree; Debian has what all flavours share in a package of its own. */
export function kernelHeaders(series: Series): string {
  const { release } = guestKernel(series);
  const folder = join(cache, 'headers', release);
  if (existsSync(folder)) return folder;
  const part = `${folder}.part-${process.pid}`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    for (const name of [`linux-headers-${release}`, `linux-headers-${release.replace(/-?amd64$/, '-common')}`]) {
      execFileSync('apt-get', ['download', name], { cwd: part, stdio: ['ignore', 'ignore', 'pipe'] });
    }
    for (const deb of readdirSync(part).filter((file) => file.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', deb, '.'], { cwd: part });
    }
    const sources = join(part, 'usr', 'src');
    mkdirSync(join(part, 'merged'));
    for (const tree of readdirSync(sources).sort().reverse()) {
      execFileSync('cp', ['-a', '--remove-destination', `${join(sources, tree)}/.`, join(part, 'merged')]);
    }
    renameSync(join(part, 'merged'), folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}
