/**
 * The guest's first root: busybox, the few modules that reach the host's files, and a script.
 *
 *   initramfs ── modules in dependency order ── 9p: host's root, read-only ┐
 *                                               tmpfs: what the guest writes ┴▶ overlay ▶ switch_root ▶ /skep-job
 *
 * The job is a second, tiny archive behind the first, so the first can be kept between runs.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpioEntry, charDevice, cpio, directory, file, symlink } from './cpio.ts';
import { type GuestKernel, LabError } from './kernels.ts';

/** Modules that must be there before the host's files are; what they need comes with them. */
const MODULES = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

const APPLETS = [
  'sh',
  'mount',
  'mkdir',
  'insmod',
  'switch_root',
  'sleep',
  'echo',
  'ip',
  'cat',
  'poweroff',
  'reboot',
  'umount',
  'ls',
  'ln',
  'setsid',
  'cttyhack',
];

/** The base archive of a kernel. Kept beside the kernel in the cache. */
export function baseInitramfs(kernel: GuestKernel): Buffer {
  const kept = join(kernel.modules, '..', '..', '..', 'initramfs-2.cpio');
  if (existsSync(kept)) return readFileSync(kept);
  const modules = moduleOrder(readFileSync(join(kernel.modules, 'modules.dep'), 'utf8'), MODULES);
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'mod', 'host', 'over', 'newroot'].map(directory),
    charDevice('dev/console', 5, 1),
    charDevice('dev/null', 1, 3),
    file('bin/busybox', readFileSync(staticBusybox()), 0o755),
    ...APPLETS.map((name) => symlink(`bin/${name}`, 'busybox')),
    ...modules.map((path, i) => file(`mod/${String(i).padStart(2, '0')}.ko`, readModule(join(kernel.modules, path)))),
    file('init', initScript(kernel), 0o755),
  ];
  const archive = cpio(entries);
  writeFileSync(kept, archive);
  return archive;
}

/** The archive with the command to run, by the host's own shell in the overlay, and the folder that it works on. */
export function jobArchive(script: string, folder: string): Buffer {
  return cpio([file('job', script, 0o755), file('folder', folder)]);
}

/**
 * Paths of the modules and all they depend on, each before what needs it. Built-in ones are not in `modules.dep`
 * and need nothing.
 */
export function moduleOrder(modulesDep: string, names: readonly string[]): string[] {
  const needs = new Map<string, { path: string; dependencies: string[] }>();
  for (const line of modulesDep.split('\n')) {
    const [path, rest = ''] = line.split(': ');
    if (!path) continue;
    const clean = path.replace(/:$/, '');
    needs.set(moduleName(clean), { path: clean, dependencies: rest.split(' ').filter(Boolean).map(moduleName) });
  }
  const order: string[] = [];
  const visit = (name: string) => {
    const module = needs.get(name);
    if (!module || order.includes(module.path)) return;
    module.dependencies.toReversed().forEach(visit);
    order.push(module.path);
  };
  names.forEach(visit);
  return order;
}

function moduleName(path: string): string {
  return (path.split('/').pop() ?? '').replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}

function readModule(path: string): Buffer {
  if (path.endsWith('.ko')) return readFileSync(path);
  const unpack = path.endsWith('.xz') ? 'xz' : path.endsWith('.gz') ? 'gzip' : 'zstd';
  return execFileSync(unpack, ['-dc', path], { maxBuffer: 1 << 28 });
}

function staticBusybox(): string {
  const found = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);
  if (!found) throw new LabError("busybox is missing: install Debian's busybox-static");
  return found;
}

function initScript(kernel: GuestKernel): string {
  return `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /mod/*.ko; do insmod $module || echo "skep-lab: $module failed"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=1048576,cache=loose host /host || { echo 'skep-lab: no host file system'; reboot -f; }
mount -t tmpfs -o size=80% tmpfs /over
mkdir /over/up /over/work
mount -t overlay -o lowerdir=/host,upperdir=/over/up,workdir=/over/work overlay /newroot || { echo 'skep-lab: no overlay'; reboot -f; }
cd /newroot
for point in proc sys dev tmp run; do mkdir -p $point; done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
folder=$(cat /folder)
case $folder in /tmp/*|/run/*) mkdir -p ./$folder; mount --bind /host$folder ./$folder ;; esac
mount -t debugfs debugfs sys/kernel/debug
mount -t tracefs tracefs sys/kernel/tracing
mount -t bpf bpf sys/fs/bpf
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p lib/modules/${kernel.release} boot
mount --bind /host${kernel.modules} lib/modules/${kernel.release}
cat /host${kernel.config} > boot/config-${kernel.release}
ln -sf /proc/self/fd dev/fd
ip link set lo up
cat /job > run/skep-job
cd /
exec switch_root /newroot /bin/sh /run/skep-job
`;
}
