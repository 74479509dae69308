/** The table of constants: every name is found, and gcc agrees with the values. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { constantNames, constantText, tableText } from '../../../src/compiler/dialect/constants/constants.ts';
import { facts, kernelBtf } from '../c/support.ts';

test('bisection finds every name and nothing else', () => {
  const names = constantNames();
  assert.ok(names.length > 3300, String(names.length));
  for (const name of names) assert.notEqual(tableText(name), undefined, name);
  for (const name of ['', 'A', 'ETH_P_I', 'ETH_P_IPX_', 'ZZZZ', '_', 'AF_INET=', '\n']) assert.equal(tableText(name), undefined, name);
});

/** Names that BPF programs use, with the header that has each. */
const SAMPLE: readonly (readonly [string, string])[] = [
  ['sys/socket.h', 'AF_INET AF_INET6 AF_UNIX AF_NETLINK SOCK_STREAM SOCK_DGRAM SOL_SOCKET SO_REUSEADDR MSG_PEEK SCM_RIGHTS'],
  ['netinet/in.h', 'IPPROTO_TCP IPPROTO_UDP IPPROTO_ICMP IPPROTO_ICMPV6 IPPROTO_IPV6'],
  ['linux/if_ether.h', 'ETH_P_IP ETH_P_IPV6 ETH_P_ARP ETH_P_8021Q ETH_HLEN ETH_ALEN ETH_P_ALL'],
  ['linux/if_packet.h', 'PACKET_HOST PACKET_OUTGOING PACKET_BROADCAST'],
  ['linux/pkt_cls.h', 'TC_ACT_OK TC_ACT_SHOT TC_ACT_UNSPEC TC_ACT_REDIRECT'],
  ['fcntl.h', 'O_RDONLY O_CREAT O_TRUNC O_APPEND O_CLOEXEC AT_FDCWD'],
  ['sys/stat.h', 'S_IFMT S_IFREG S_IFDIR S_IFSOCK'],
  ['errno.h', 'EPERM ENOENT EAGAIN ENOMEM EINVAL ENOSYS ETIMEDOUT'],
  ['signal.h', 'SIGKILL SIGTERM SIGINT SIGSEGV'],
  ['asm/unistd.h', '__NR_read __NR_write __NR_openat __NR_clone __NR_execve __NR_bpf'],
  ['linux/perf_event.h', 'PERF_MAX_STACK_DEPTH PERF_EVENT_IOC_ENABLE'],
  ['linux/capability.h', 'CAP_SYS_ADMIN CAP_NET_ADMIN CAP_BPF'],
  ['linux/prctl.h', 'PR_SET_NAME'],
  ['linux/futex.h', 'FUTEX_WAIT FUTEX_WAKE'],
  ['linux/magic.h', 'EXT4_SUPER_MAGIC TMPFS_MAGIC'],
];

test('values and types are those that gcc computes from the installed headers', (t) => {
  for (const [header, list] of SAMPLE) {
    const names = list.split(' ');
    const program = `#include <${header}>\n${names.map((name) => `_Static_assert((${name}) == (${tableText(name)}) && sizeof((${name}) + 0) == sizeof((${tableText(name)}) + 0), "${name}");`).join('\n')}\n`;
    const run = spawnSync('gcc', ['-fsyntax-only', '-x', 'c', '-'], { input: program, encoding: 'utf8' });
    if (run.error) {
      if (process.env['CI'] === 'true') throw run.error;
      return t.skip('gcc is not installed');
    }
    assert.equal(run.status, 0, run.stderr);
  }
});

test('what depends on the kernel comes from its types', (t) => {
  assert.equal(constantText('GFP_KERNEL', facts()), '(__GFP_RECLAIM | __GFP_IO | __GFP_FS)');
  assert.equal(constantText('DNAME_INLINE_LEN', facts()), tableText('DNAME_INLINE_LEN'));
  const btf = kernelBtf();
  if (!btf) return t.skip('no kernel BTF');
  assert.equal(constantText('REQ_SYNC', facts(btf)), `(1ULL << ${btf.findEnumerator('__REQ_SYNC')?.value})`);
  assert.match(constantText('DNAME_INLINE_LEN', facts(btf)) ?? '', /^(32|36|40)$/);
});
