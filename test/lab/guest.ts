/**
 * One guest: QEMU under software emulation, one command, its output and status.
 *
 *   qemu ── serial ──▶ console text (kept; shown on panic, hang or failed boot)
 *        ── virtio port `out` ──▶ what the command prints, as it comes
 *        ── virtio port `ctl` ──▶ "ready", then "exit N"
 *
 * The status comes over its own port, so nothing that a test prints can be taken for it. A guest that neither exits
 * nor prints is ended at the time limit, by the pid that was started. A panic reboots at once, and QEMU ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cache, root } from '../run/paths.ts';
import { baseInitramfs, jobArchive } from './initramfs.ts';
import { type GuestKernel, LabError } from './kernels.ts';

export const GUEST_CPUS = 2;

/**
 * All processors of a guest take turns in one thread. With a thread for each (thread=multi) an emulated processor may still
 * run code that another has just patched, and the kernel dies of it (an oops at an int3 that is there no more: seen twice as
 * it started, once as a tracepoint was switched on); and each word between two of them waits for this machine's scheduler.
 */
const ACCELERATION = 'tcg,thread=single,tb-size=512';

/**
 * Without what emulation does slowly and the kernel or the C library would choose: `rep movsb` goes a byte at a time (clearing a
 * page: 4,096 turns instead of 512), vectors of 32 bytes are calls, tables of five levels a step more. A quarter of the time.
 */
const CPU = 'max,-erms,-avx,-avx2,-la57';

export interface GuestOptions {
  readonly kernel: GuestKernel;
  /** Run by /bin/sh in the guest, in the repository's folder. */
  readonly command: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds from the start of QEMU. */
  readonly timeLimit: number;
  /** Milliseconds from the start of the command. */
  readonly commandLimit?: number;
  /** Milliseconds without a word of the command. */
  readonly silenceLimit?: number;
  /** Output of the command, both streams, as it comes. */
  readonly onOutput?: (text: string) => void;
  readonly memory?: number;
  readonly cpus?: number;
  /** After a failure of the command, a shell on this terminal. */
  readonly keep?: boolean;
}

export type GuestEnd =
  | { readonly kind: 'exit'; readonly status: number }
  /** The kernel panicked, or the guest went away without a status. */
  | { readonly kind: 'died' }
  | { readonly kind: 'timeout' };

export interface GuestResult {
  readonly end: GuestEnd;
  readonly console: string;
  /** Milliseconds from the start of QEMU until the command started; undefined when it never did. */
  readonly bootTime: number | undefined;
}

export async function runGuest(options: GuestOptions): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-lab-'));
  const servers: Server[] = [];
  let child: ChildProcess | undefined;
  try {
    const started = performance.now();
    const timers: NodeJS.Timeout[] = [];
    let timedOut = false;
    const limit = (ms: number | undefined) => {
      if (ms === undefined) return undefined;
      const timer = setTimeout(() => {
        timedOut = true;
        child?.kill('SIGKILL');
      }, ms);
      timers.push(timer);
      return timer;
    };
    let silence: NodeJS.Timeout | undefined;
    let bootTime: number | undefined;
    let status: number | undefined;
    let line = '';
    servers.push(
      await listen(join(folder, 'out'), (text) => {
        silence?.refresh();
        options.onOutput?.(text);
      }),
    );
    servers.push(
      await listen(join(folder, 'ctl'), (text) => {
        line += text;
        for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
          const word = line.slice(0, end);
          line = line.slice(end + 1);
          if (word === 'ready') {
            bootTime = performance.now() - started;
            limit(options.commandLimit);
            silence = limit(options.silenceLimit);
          } else if (/^exit \d+$/.test(word)) status = Number(word.slice(5));
        }
      }),
    );
    const initrd = join(folder, 'initrd');
    writeFileSync(initrd, Buffer.concat([baseInitramfs(options.kernel), jobArchive(jobScript(options), root)]));
    const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArgs(options, folder, initrd)], {
      stdio: [options.keep ? 'inherit' : 'ignore', 'pipe', 'pipe'],
    });
    child = qemu;
    let console = '';
    const keepConsole = (data: Buffer) => {
      console = (console + data.toString('latin1')).slice(-200_000);
      if (options.keep && status !== undefined && status !== 0) process.stdout.write(data);
    };
    qemu.stdout?.on('data', keepConsole);
    qemu.stderr?.on('data', keepConsole);
    const end = await new Promise<GuestEnd>((resolve, reject) => {
      limit(options.timeLimit);
      qemu.on('error', (error) => reject(new LabError(`qemu-system-x86_64 does not start: ${error.message}`)));
      qemu.on('close', () => {
        for (const timer of timers) clearTimeout(timer);
        // The last words on the sockets may still be on their way: their ends come after them.
        void Promise.all(servers.map(closed)).then(() =>
          resolve(status !== undefined ? { kind: 'exit', status } : { kind: timedOut ? 'timeout' : 'died' }),
        );
      });
    });
    return { end, console, bootTime };
  } finally {
    if (child && child.exitCode === null) child.kill('SIGKILL');
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function qemuArgs(options: GuestOptions, folder: string, initrd: string): string[] {
  const append = [
    'console=ttyS0',
    'quiet',
    'loglevel=4',
    'panic=-1',
    'oops=panic',
    'rcupdate.rcu_cpu_stall_suppress=1',
    'nowatchdog',
    // Taking a program off a hook waits for every processor: not for their next idle moment.
    'rcupdate.rcu_expedited=1',
    'mitigations=off',
    'lsm=capability,bpf',
    'tsc=reliable',
    'no_timer_check',
    // A fault of a page takes a third of the time without what nobody here needs: a cleared page cleared twice, by
    // `rep stosq` (feature 112, of 6.1 only by number), and charged to a group; and a copy checked against the slab.
    'init_on_alloc=0',
    'clearcpuid=112',
    'cgroup_disable=memory',
    'hardened_usercopy=off',
    // The same code at the same address in every process is translated once.
    'norandmaps',
  ];
  return [
    '-nodefaults',
    '-no-reboot',
    '-display',
    'none',
    '-machine',
    'q35',
    '-accel',
    ACCELERATION,
    '-cpu',
    CPU,
    '-smp',
    String(options.cpus ?? GUEST_CPUS),
    '-m',
    String(options.memory ?? 2048),
    '-kernel',
    options.kernel.vmlinuz,
    '-initrd',
    initrd,
    '-append',
    append.join(' '),
    '-serial',
    options.keep ? 'mon:stdio' : 'stdio',
    '-device',
    'virtio-serial-pci',
    '-chardev',
    `socket,id=out,path=${join(folder, 'out')}`,
    '-device',
    'virtserialport,chardev=out,name=skep.out',
    '-chardev',
    `socket,id=ctl,path=${join(folder, 'ctl')}`,
    '-device',
    'virtserialport,chardev=ctl,name=skep.ctl',
    '-virtfs',
    'local,path=/,mount_tag=host,security_model=passthrough,readonly=on,multidevs=remap',
    '-object',
    'rng-random,id=rng,filename=/dev/urandom',
    '-device',
    'virtio-rng-pci,rng=rng',
  ];
}

function jobScript(options: GuestOptions): string {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: '/root',
    TERM: 'dumb',
    LANG: 'C.UTF-8',
    SKEP_GUEST: options.kernel.series,
    // The caller's, wherever it lies: what was downloaded and unpacked is not to be fetched from within.
    SKEP_CACHE: cache,
    ...options.env,
  };
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`);
  return `${exports.join('\n')}
out=/dev/vport0p1; ctl=/dev/vport0p2
for port in /sys/class/virtio-ports/*; do
  case $(cat $port/name) in skep.out) out=/dev/\${port##*/} ;; skep.ctl) ctl=/dev/\${port##*/} ;; esac
done
exec 9>$ctl
echo ready >&9
cd ${quote(root)}
/bin/sh -c ${quote(options.command)} >$out 2>&1 </dev/null 9>&-
status=$?
echo "exit $status" >&9
${options.keep ? `[ $status = 0 ] || { echo "status $status; this is a shell in the guest, 'exit' ends it"; setsid -c /bin/bash -i </dev/ttyS0 >/dev/ttyS0 2>&1; }` : ''}
sync
echo o >/proc/sysrq-trigger
sleep 60
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Resolves when the server's connections have ended. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function listen(path: string, onText: (text: string) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const decoder = new TextDecoder();
      socket.on('data', (data) => onText(decoder.decode(data, { stream: true })));
      socket.on('error', () => {});
    });
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Why the lab cannot run here; undefined when it can. */
export function labMissing(): string | undefined {
  const paths = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
  const has = (name: string) => paths.some((path) => existsSync(join(path, name)));
  const wanted: readonly (readonly [string, string])[] = [
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['busybox', 'busybox-static'],
    ['depmod', 'kmod'],
    ['xz', 'xz-utils'],
    ['dpkg-deb', 'dpkg'],
  ];
  const missing = wanted.filter(([command]) => !has(command)).map(([, name]) => name);
  return missing.length === 0 ? undefined : `install ${missing.join(', ')}`;
}
