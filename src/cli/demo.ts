/**
 * `skep demo`: the whole path in one command. Compiles bitesize, loads and attaches it, makes direct I/O of known
 * sizes on a temporary file, and shows what was seen of it. Only this process is counted.
 */
import { closeSync, constants, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxKernel } from '../kernel/linux.ts';
import type { Kernel } from '../kernel/port.ts';
import { tool } from '../tools/bitesize.ts';
import type { Tool } from '../tools/tool.ts';
import type { CommandHelp } from './commands.ts';
import { CommandLineError } from './errors.ts';
import { HELP_FLAG } from './flags.ts';
import { onDevice } from './mounts.ts';
import { parseFlags } from './parse.ts';
import { runTool } from './run-tool.ts';
import { showHelp } from './show-help.ts';
import { print } from './standard.ts';

/** How many writes of how many bytes. */
const WRITES: readonly (readonly [number, number])[] = [
  [64, 4096],
  [32, 16384],
  [16, 65536],
  [8, 262144],
];

export const help: CommandHelp = {
  usage: '',
  words: [],
  about:
    'Compiles bitesize, loads and attaches it, makes direct I/O of known sizes on a temporary file, prints the histogram of it, and ends. Needs root, like every tool. Only this process is counted.',
  flags: HELP_FLAG,
  examples: [['sudo skep demo', 'a few seconds']],
};

export async function run(words: readonly string[]): Promise<number> {
  const { options, positionals } = parseFlags('demo', HELP_FLAG, words);
  if (options['help'] === true) return await showHelp('demo', help);
  if (positionals.length > 0) throw new CommandLineError(`'skep demo' takes no arguments, not '${positionals[0]}'`);
  const folder = blockBackedFolder();
  if (folder === undefined) {
    print(
      'No folder on a block device was found where a temporary file could be written, so there is no I/O to show.\nTry: sudo skep bitesize\n',
    );
    return 0;
  }
  print(`Compiling bitesize, loading it, and writing to a temporary file in ${folder} with direct I/O:\n`);
  for (const [count, size] of WRITES) print(`  ${count} writes of ${size / 1024} KiB\n`);
  print('\n');
  return await runTool(tool as Tool, ['--pid', String(process.pid)], { during: () => writeDirect(linuxKernel(), folder) });
}

/** A folder whose file system sits on a block device: direct I/O there makes block requests. */
function blockBackedFolder(): string | undefined {
  return [tmpdir(), '/var/tmp', process.cwd(), homedir()].find((folder) => {
    try {
      return reachesDevice(linuxKernel(), folder) ?? isBlockDevice(folder);
    } catch {
      return false;
    }
  });
}

/** Device numbers as the kernel packs them in stat; major 0 is for file systems without a device of their own. */
function isBlockDevice(folder: string): boolean {
  const major = (statSync(folder).dev >>> 8) & 0xfff;
  // btrfs and overlayfs show numbers of their own: ask what is mounted there.
  return major !== 0 || onDevice(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync(folder), isBlockDevice);
}

/**
 * Whether direct I/O below the folder becomes requests: the kernel counts what a task has sent to a device, and a write
 * to memory (tmpfs takes O_DIRECT since Linux 6.6) is none. Undefined where it does not count.
 */
function reachesDevice(kernel: Kernel, folder: string): boolean | undefined {
  const before = sentToDevices();
  try {
    writeDirect(kernel, folder, [[1, 4096]]);
  } catch {
    // Read-only, full, or without direct I/O.
    return false;
  }
  const after = sentToDevices();
  return before === undefined || after === undefined ? undefined : after > before;
}

/** Bytes, of this process so far. */
function sentToDevices(): number | undefined {
  try {
    const found = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

function writeDirect(kernel: Kernel, folder: string, writes = WRITES): void {
  const own = mkdtempSync(join(folder, 'skep-demo-'));
  const largest = Math.max(...writes.map(([, size]) => size));
  // Direct I/O wants aligned memory: a mapping begins on a page.
  const PROT_READ_WRITE = 3;
  const MAP_PRIVATE_ANONYMOUS = 0x22;
  const memory = kernel.mmap(largest, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  let fd: number | undefined;
  try {
    fd = openSync(join(own, 'data'), constants.O_WRONLY | constants.O_CREAT | constants.O_DIRECT);
    let at = 0;
    for (const [count, size] of writes) {
      const bytes = new Uint8Array(memory.buffer, 0, size);
      for (let i = 0; i < count; i++, at += size) kernel.syscall('pwrite64', fd, bytes, size, at);
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
    memory.unmap();
    rmSync(own, { recursive: true, force: true });
  }
}
