/** Every kind of cgroup hook: attached to a cgroup of this test's own, and run by what a process in it does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupHook } from '../../../src/attach/cgroup.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { ATTACH_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { linkInfo } from '../../../src/kernel/obj-info.ts';
import { atLeast } from '../../../src/kernel/version.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel } from '../kernel/support.ts';

interface Kind {
  readonly section: string;
  readonly hook: string;
  /** What the process in the cgroup does does not come here. */
  readonly quiet?: boolean;
}

const UNIX: readonly Kind[] = ['connect', 'sendmsg', 'recvmsg', 'getpeername', 'getsockname'].map((what) => ({
  section: `cgroup/${what}_unix`,
  hook: `cgroup_unix_${what}`,
  // Streams only connect; Node has no datagrams over files.
  quiet: what !== 'connect',
}));

const both = (section: string, hook: string): Kind[] => [
  { section: `cgroup/${section}4`, hook: `cgroup_${hook.replace('#', '4')}` },
  { section: `cgroup/${section}6`, hook: `cgroup_${hook.replace('#', '6')}` },
];

const KINDS: readonly Kind[] = [
  { section: 'cgroup_skb/ingress', hook: 'cgroup_inet_ingress' },
  { section: 'cgroup_skb/egress', hook: 'cgroup_inet_egress' },
  { section: 'cgroup/sock_create', hook: 'cgroup_inet_sock_create' },
  { section: 'cgroup/sock_release', hook: 'cgroup_inet_sock_release' },
  ...both('bind', 'inet#_bind'),
  ...both('post_bind', 'inet#_post_bind'),
  ...both('connect', 'inet#_connect'),
  ...both('sendmsg', 'udp#_sendmsg'),
  ...both('recvmsg', 'udp#_recvmsg'),
  ...both('getpeername', 'inet#_getpeername'),
  ...both('getsockname', 'inet#_getsockname'),
  { section: 'cgroup/sysctl', hook: 'cgroup_sysctl' },
  { section: 'cgroup/dev', hook: 'cgroup_device' },
  { section: 'cgroup/getsockopt', hook: 'cgroup_getsockopt' },
  { section: 'cgroup/setsockopt', hook: 'cgroup_setsockopt' },
  { section: 'sockops', hook: 'cgroup_sock_ops' },
  ...(atLeast(facts.version, '6.7') ? UNIX : []),
];

const TEXT = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, ${KINDS.length}); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
#define KIND(i, section) SEC(section) int kind##i(void *ctx) { __u32 k = i; __u64 *v = bpf_map_lookup_elem(&counts, &k); if (v) __sync_fetch_and_add(v, 1); return 1; }
${KINDS.map(({ section }, i) => `KIND(${i}, "${section}")`).join('\n')}
char LICENSE[] SEC("license") = "GPL";`;

/** Enters the cgroup, and then does a bit of everything. */
const PROCESS = (folder: string): string => `
const fs = require('node:fs'), dgram = require('node:dgram'), net = require('node:net');
fs.writeFileSync(${JSON.stringify(join(folder, 'cgroup.procs'))}, String(process.pid));
fs.readFileSync('/proc/sys/kernel/ostype');
fs.readFileSync('/dev/null');
const one = (type, address) => new Promise((resolve) => {
  const socket = dgram.createSocket(type);
  const done = () => socket.close(resolve);
  socket.on('error', done);
  socket.on('message', () => {
    socket.getRecvBufferSize();
    socket.setBroadcast(true);
    const { port } = socket.address();
    socket.connect(port, address, () => { socket.remoteAddress(); done(); });
  });
  socket.bind(0, address, () => socket.send('x', socket.address().port, address));
});
const tcp = () => new Promise((resolve) => {
  const server = net.createServer((s) => s.end()).listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').resume().on('close', () => server.close(resolve)));
});
const unix = () => new Promise((resolve) => {
  const server = net.createServer((s) => s.end()).listen('\\0skep-' + process.pid, () => net.connect('\\0skep-' + process.pid).resume().on('close', () => server.close(resolve)));
});
one('udp4', '127.0.0.1').then(() => one('udp6', '::1')).then(tcp).then(unix).then(() => process.exit(0));`;

async function removeCgroup(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      // It is busy for a moment after its last process.
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

kernelTest('every kind of cgroup hook attaches by a link of its own and runs', { minKernel: '5.8' }, async () => {
  const base = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => kernel.exists(`${path}/cgroup.controllers`));
  assert.ok(base, 'there is a cgroup2 file system');
  const folder = join(base, `skep-kinds-${process.pid}`);
  const before = await snapshot();
  mkdirSync(folder);
  try {
    using b = await BPF.load({ text: TEXT });
    for (const [i, { hook }] of KINDS.entries()) {
      const attached = b.attachCgroup(folder, `kind${i}`);
      assert.deepEqual([attached.kind, attached.via], [hook, 'link']);
      // What the kernel itself says of the link.
      assert.equal(linkInfo(kernel, attached.fd, 'cgroup').attach_type, ATTACH_TYPE[hook as keyof typeof ATTACH_TYPE], hook);
    }
    assert.equal(b.attached.length, KINDS.length);
    execFileSync(process.execPath, ['-e', PROCESS(folder)]);
    const counts = b.map<number, bigint>('counts');
    const silent = KINDS.filter(({ quiet }, i) => quiet !== true && (counts.get(i) ?? 0n) === 0n).map(({ hook }) => hook);
    // Without IPv6 there is nothing to see of it.
    const expected = kernel.exists('/proc/net/if_inet6') ? [] : silent.filter((hook) => hook.includes('6'));
    assert.deepEqual(silent, expected);
    // By hand, a function can go to another hook of its kind.
    const again = b.attachCgroup(folder, `kind${KINDS.findIndex(({ hook }) => hook === 'cgroup_inet_egress')}`, { hook: 'inet_ingress' });
    assert.equal(again.kind, 'cgroup_inet_ingress');
    assert.throws(() => b.attachCgroup(folder, 'kind0', { hook: 'inet_igress' }), UsageError);
  } finally {
    await removeCgroup(folder);
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('names of cgroup hooks', {}, () => {
  assert.equal(cgroupHook('inet4_connect').number, ATTACH_TYPE.cgroup_inet4_connect);
  assert.equal(cgroupHook('cgroup_device').program, 'cgroup_device');
  assert.throws(() => cgroupHook('xdp'), /no cgroup hook 'xdp'/);
});
