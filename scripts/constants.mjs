#!/usr/bin/env node
/**
 * Makes src/compiler/dialect/constants/table.ts: integer macros of Linux headers, which BTF does not have.
 *
 *   node scripts/constants.mjs [folder with a kernel's headers, as BCC_KERNEL_SOURCE] [UAPI folder of a newer kernel]
 *
 * Names come from `gcc -E -dM`, values from gcc itself: what is no integer constant expression drops out. User-space
 * headers (UAPI and libc's socket, file and error numbers) give most; a list of in-kernel macros is evaluated with a
 * kernel's own headers (Debian's linux-headers-6.1.*-common and -amd64 copied into one folder). Values are facts of
 * the kernel's interface; in-kernel ones are those of the version named in the table's head. The newer UAPI folder
 * (`usr/include` after `make headers`) adds the names that the installed headers do not have yet.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const out = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'compiler', 'dialect', 'constants', 'table.ts');
const kernel = process.argv[2] ?? process.env.BCC_KERNEL_SOURCE;
const folder = mkdtempSync(join(tmpdir(), 'skep-constants-'));

const LIBC = [
  'sys/socket.h',
  'netinet/in.h',
  'netinet/tcp.h',
  'fcntl.h',
  'sys/stat.h',
  'sys/mman.h',
  'errno.h',
  'signal.h',
  'limits.h',
  'poll.h',
  'sys/epoll.h',
  'sched.h',
  'sys/ioctl.h',
  'sys/mount.h',
  'sys/ptrace.h',
  'sys/shm.h',
  'sys/msg.h',
  'sys/sem.h',
  'sys/wait.h',
];
const UAPI =
  `asm/unistd.h asm/ptrace-abi.h linux/bpf.h linux/bpf_perf_event.h linux/perf_event.h linux/if_ether.h linux/if_packet.h linux/if_arp.h linux/if_link.h linux/if_addr.h linux/if_tun.h linux/if_tunnel.h linux/if_vlan.h linux/ip.h linux/ipv6.h linux/in6.h linux/icmp.h linux/icmpv6.h linux/igmp.h linux/tcp.h linux/udp.h linux/sctp.h linux/mptcp.h linux/mpls.h linux/seg6.h linux/seg6_local.h linux/lwtunnel.h linux/pkt_cls.h linux/pkt_sched.h linux/tc_act/tc_bpf.h linux/tc_act/tc_gact.h linux/netlink.h linux/rtnetlink.h linux/neighbour.h linux/netfilter.h linux/netfilter_ipv4.h linux/netfilter_ipv6.h linux/netfilter/nf_conntrack_common.h linux/netfilter/nf_conntrack_tcp.h linux/net_tstamp.h linux/sock_diag.h linux/inet_diag.h linux/unix_diag.h linux/vm_sockets.h linux/un.h linux/ethtool.h linux/virtio_net.h linux/filter.h linux/seccomp.h linux/audit.h linux/capability.h linux/securebits.h linux/prctl.h linux/futex.h linux/sched.h linux/sched/types.h linux/wait.h linux/fs.h linux/fcntl.h linux/stat.h linux/magic.h linux/mount.h linux/fiemap.h linux/falloc.h linux/inotify.h linux/fanotify.h linux/io_uring.h linux/aio_abi.h linux/eventpoll.h linux/memfd.h linux/mempolicy.h linux/mman.h linux/userfaultfd.h linux/module.h linux/kcmp.h linux/kexec.h linux/keyctl.h linux/limits.h linux/major.h linux/loop.h linux/nbd.h linux/blktrace_api.h linux/blkpg.h linux/nvme_ioctl.h linux/random.h linux/reboot.h linux/resource.h linux/rseq.h linux/shm.h linux/msg.h linux/sem.h linux/ipc.h linux/signal.h linux/taskstats.h linux/time.h linux/times.h linux/tty.h linux/uio.h linux/utsname.h linux/vfio.h linux/kvm.h linux/vhost.h linux/watch_queue.h linux/xattr.h linux/errqueue.h linux/dm-ioctl.h linux/input.h linux/cn_proc.h linux/binfmts.h linux/elf.h linux/const.h linux/hdreg.h linux/types.h linux/close_range.h linux/openat2.h linux/landlock.h linux/cgroupstats.h linux/genetlink.h linux/xfrm.h linux/l2tp.h linux/gtp.h linux/ptp_clock.h linux/usb/ch9.h rdma/rdma_user_cm.h`.split(
    ' ',
  );
/** Function-like and internal names that mean nothing outside their header. */
const UNWANTED = /^(_(?!_NR_)|BITS_|.*_H_?$|INT\d|UINT\d|PRI|SCN|.*_(MAX|MIN)_PATH$|EXIT_(SUCCESS|FAILURE)$|NULL$|EOF$|unix$|linux$|i386$)/;

/** In-kernel headers and the names wanted of them. */
const KERNEL_HEADERS = [
  'linux/kconfig.h',
  'linux/sched.h',
  'linux/sched/task.h',
  'linux/sched/signal.h',
  'linux/fs.h',
  'linux/blkdev.h',
  'linux/blk-mq.h',
  'linux/mm.h',
  'linux/gfp.h',
  'linux/slab.h',
  'linux/skbuff.h',
  'linux/netdevice.h',
  'linux/dcache.h',
  'linux/kdev_t.h',
  'linux/jiffies.h',
  'linux/time64.h',
  'linux/err.h',
  'linux/interrupt.h',
  'linux/preempt.h',
  'linux/pid_namespace.h',
  'linux/nsproxy.h',
  'linux/audit.h',
  'linux/cpumask.h',
  'linux/tcp.h',
  'linux/if_vlan.h',
  'linux/etherdevice.h',
  'net/sock.h',
  'net/tcp.h',
  'net/ip.h',
  'net/ipv6.h',
  'net/inet_sock.h',
  'net/tcp_states.h',
  'linux/workqueue.h',
  'linux/mutex.h',
  'linux/rwsem.h',
  'linux/mount.h',
  'linux/namei.h',
  'linux/syscalls.h',
  'linux/socket.h',
  'linux/net.h',
  'linux/units.h',
  'linux/sizes.h',
  'linux/log2.h',
  'linux/limits.h',
  'linux/ftrace.h',
  'linux/virtio.h',
  'asm/page.h',
  'asm/segment.h',
];
const KERNEL_NAMES =
  /^(TASK_(?!SIZE|COMM|UNMAPPED)\w+|__TASK_\w+|EXIT_(DEAD|ZOMBIE|TRACE)|PF_[A-Z_0-9]+|TIF_\w+|SIGNAL_\w+|CLONE_\w+|FMODE_\w+|LOOKUP_\w+|DCACHE_\w+|MNT_\w+|SB_\w+|S_\w+|ATTR_\w+|IOCB_\w+|RQF_\w+|REQ_OP_(BITS|MASK)|DISK_NAME_LEN|BDEVNAME_SIZE|SECTOR_(SHIFT|SIZE)|MINOR(BITS|MASK)|BLKDEV_\w+|NSEC_PER_\w+|USEC_PER_\w+|MSEC_PER_\w+|SZ_\w+|MAX_ERRNO|MAX_NICE|MIN_NICE|NICE_WIDTH|MAX_PRIO|MAX_RT_PRIO|DEFAULT_PRIO|MAX_USER_RT_PRIO|VM_(READ|WRITE|EXEC|SHARED|MAYREAD|MAYWRITE|MAYEXEC|GROWSDOWN|LOCKED|IO|HUGEPAGE|NOHUGEPAGE|PFNMAP|DONTCOPY)|SLAB_\w+|WQ_[A-Z]+\w*|IRQF_\w+|(HARDIRQ|SOFTIRQ|PREEMPT|NMI)_(BITS|SHIFT|MASK|OFFSET)|IFF_\w+|NETDEV_ALIGN|NETIF_F_\w+_BIT|SKB_\w+|CHECKSUM_\w+|VLAN_\w+|TCPF_\w+|TCPHDR_\w+|TCP_(CA|ECN|NAGLE|MAX|MIN|RTO|TIMEOUT|DELACK)\w*|SK_\w+|SOCK_\w+|INET_\w+|IP_(DF|MF|OFFSET|CE)|IPSKB_\w+|AF_\w+|SOL_\w+|MSG_\w+|READ|WRITE|PAGE_SHIFT|PAGE_SIZE|DNAME_INLINE_LEN|___GFP_\w+|REQ_[A-Z]+|PMD_SHIFT|PUD_SHIFT|PGDIR_SHIFT|PTRS_PER_\w+|NR_syscalls|AUDIT_ARCH_\w+|VIRTIO_\w+|PATH_MAX|NAME_MAX|KOBJ_NAME_LEN|MODULE_NAME_LEN|IFALIASZ|MAX_ADDR_LEN|ETH_ALEN|MAX_HEADER|CPU_ID|__PAGE_OFFSET_BASE_L[45]|ENOTSUPP|EPROBE_DEFER|ERESTART\w+|ENOIOCTLCMD|EIOCBQUEUED|ENOGRACE|ENOPARAM)$/;

function gcc(args, input) {
  return spawnSync('gcc', [...args, '-x', 'c', '-'], { input, encoding: 'utf8', maxBuffer: 1 << 29 });
}

/** Object-like macros that these headers define. */
function macroNames(flags, include) {
  const all = gcc(['-E', '-dM', '-w', ...flags], include).stdout;
  const before = new Set(gcc(['-E', '-dM', ...flags.filter((f) => !f.startsWith('-include'))], '').stdout.match(/^#define \w+/gm));
  return [...all.matchAll(/^#define (\w+) (?!$)/gm)].filter((m) => !before.has(`#define ${m[1]}`)).map((m) => m[1]);
}

/** Name to text, for those that are integer constant expressions. */
function evaluate(flags, include, names) {
  let left = names;
  // Each name on a line of its own: gcc names the lines that are none. A flood of errors hides others, so again.
  for (let round = 0; round < 40; round++) {
    const lines = left.map(
      (name, i) => `enum { skep_${i} = !!(${name}) }; char skep_t${i}[__builtin_classify_type(${name}) == 1 ? 1 : -1];`,
    );
    const text = `${include}\n#line 1 "names"\n${lines.join('\n')}\n`;
    const errors = gcc(['-fsyntax-only', '-w', '-fmax-errors=0', ...flags], text).stderr;
    const bad = new Set([...errors.matchAll(/^names:(\d+):(?:\d+:)? error/gm)].map((m) => Number(m[1]) - 1));
    // Errors inside a macro are told at the header, with "in expansion" notes at our line.
    for (const m of errors.matchAll(/^names:(\d+):\d+: note: in expansion/gm)) bad.add(Number(m[1]) - 1);
    if (bad.size === 0) break;
    left = left.filter((_, i) => !bad.has(i));
  }
  const program = `${include}
struct skep_row { char name[64]; unsigned long long value; unsigned kind; };
__attribute__((section("skep_rows"), used)) static const struct skep_row rows[] = {
${left.map((name) => `{ "${name}", (unsigned long long)(${name}), sizeof((${name}) + 0) * 2 + (((__typeof__((${name}) + 0))-1) > 0) },`).join('\n')}
};
`;
  const object = join(folder, 'rows.o');
  const run = gcc(['-c', '-w', '-o', object, ...flags], program);
  if (run.status !== 0) throw new Error(run.stderr.slice(0, 2000));
  execFileSync('objcopy', ['-O', 'binary', '--only-section=skep_rows', object, join(folder, 'rows.bin')]);
  const bytes = readFileSync(join(folder, 'rows.bin'));
  const found = new Map();
  for (let at = 0; at + 80 <= bytes.length; at += 80) {
    const name = bytes.toString('latin1', at, bytes.indexOf(0, at));
    const kind = bytes.readUInt32LE(at + 72);
    found.set(name, spell(bytes.readBigUInt64LE(at + 64), kind >> 1, (kind & 1) === 1));
  }
  return found;
}

/** As C source with the same value and type. */
function spell(value, size, unsigned) {
  const signed = BigInt.asIntN(64, value);
  if (!unsigned) {
    const text = signed < 0n ? `(${signed})` : `${signed}`;
    return size === 8 ? (signed < 0n ? `(${signed}L)` : `${signed}L`) : text;
  }
  const own = size === 8 ? value : value & 0xffffffffn;
  return `${own < 1024n ? own : `0x${own.toString(16)}`}U${size === 8 ? 'L' : ''}`;
}

function usable(header) {
  return gcc(['-fsyntax-only', '-w'], `#include <${header}>\n`).status === 0;
}

const table = new Map();
const headers = [...LIBC, ...UAPI];
// One header at a time: libc's and the kernel's do not go together.
for (const header of headers) {
  const include = `#include <stddef.h>\n#include <${header}>\n`;
  if (!usable(header)) {
    process.stderr.write(`left out: ${header}\n`);
    continue;
  }
  const names = macroNames([], include).filter((name) => !UNWANTED.test(name) && !table.has(name));
  if (names.length > 0) for (const [name, text] of evaluate([], include, names)) table.set(name, text);
}
const user = table.size;

const newer = process.argv[3];
let newest = 'none';
if (newer) {
  const flags = ['-nostdinc', '-isystem', execFileSync('gcc', ['-print-file-name=include'], { encoding: 'utf8' }).trim(), '-I', newer];
  for (const header of UAPI) {
    const include = `#include <stddef.h>\n#include <${header}>\n`;
    if (gcc(['-fsyntax-only', '-w', ...flags], include).status !== 0) continue;
    const names = macroNames(flags, include).filter((name) => !UNWANTED.test(name) && !table.has(name));
    if (names.length > 0) for (const [name, text] of evaluate(flags, include, names)) table.set(name, text);
  }
  newest = /LINUX_VERSION_MAJOR (\d+)[\s\S]*LINUX_VERSION_PATCHLEVEL (\d+)/
    .exec(readFileSync(join(newer, 'linux/version.h'), 'utf8'))
    .slice(1, 3)
    .join('.');
}
const added = table.size - user;

let version = 'none';
if (kernel) {
  const arch = `${kernel}/arch/x86`;
  const flags = [
    '-nostdinc',
    '-isystem',
    execFileSync('gcc', ['-print-file-name=include'], { encoding: 'utf8' }).trim(),
    ...[
      `${arch}/include`,
      `${arch}/include/generated`,
      `${kernel}/include`,
      `${arch}/include/uapi`,
      `${arch}/include/generated/uapi`,
      `${kernel}/include/uapi`,
      `${kernel}/include/generated/uapi`,
    ].map((f) => `-I${f}`),
    '-include',
    `${kernel}/include/linux/compiler-version.h`,
    '-include',
    `${kernel}/include/linux/kconfig.h`,
    '-include',
    `${kernel}/include/linux/compiler_types.h`,
    '-D__KERNEL__',
    '-DKBUILD_MODNAME="x"',
    '-DKBUILD_BASENAME="x"',
    '-std=gnu11',
    '-fshort-wchar',
    '-mno-sse',
    '-fno-pie',
    '-mcmodel=kernel',
    '-DCC_USING_FENTRY',
    '-fno-strict-overflow',
  ];
  const include = KERNEL_HEADERS.map((header) => `#include <${header}>\n`).join('');
  const names = macroNames(flags, include).filter((name) => KERNEL_NAMES.test(name));
  for (const [name, text] of evaluate(flags, include, names)) table.set(name, text);
  version = /"(.*)"/.exec(readFileSync(`${kernel}/include/generated/utsrelease.h`, 'utf8'))?.[1] ?? '?';
}

const sorted = [...table].sort(([a], [b]) => (a < b ? -1 : 1));
const libc = execFileSync('dpkg-query', ['-W', '-f', '${Version}', 'linux-libc-dev'], { encoding: 'utf8' });
writeFileSync(
  out,
  `/**
 * Integer macros of Linux headers, as name=text pairs. Made by scripts/constants.mjs; values are the kernel's.
 * User-space headers: linux-libc-dev ${libc} (${user} names), UAPI of Linux ${newest} (${added} more); in-kernel headers: Linux ${version} (${table.size - user - added} more), x86_64.
 */
export const CONSTANTS = \`
${sorted.map(([name, text]) => `${name}=${text}`).join('\n')}
\`;
`,
);
rmSync(folder, { recursive: true });
process.stdout.write(`${user} + ${added} + ${table.size - user - added} constants\n`);
