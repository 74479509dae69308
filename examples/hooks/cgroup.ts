/** A cgroup hook: what the processes of a control group may do. Here: where they may connect to. Linux 4.17; 5.7 as a link. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { BPF } from 'skep';

// Where the cgroup2 file system is: /sys/fs/cgroup, or below it where version 1 is still in use.
const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
if (mount === undefined) throw new Error('no cgroup2 file system is mounted');
const folder = `${mount}/skep-example`;
const before = `${mount}${/^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]}`;
mkdirSync(folder);
// Of files that are there: without the flag a mistake in the path would make one.
const enter = (group: string) => writeFileSync(`${group}/cgroup.procs`, String(process.pid), { flag: 'r+' });
try {
  await using b = await BPF.load({
    text: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("cgroup/connect4")
int only_8080(struct bpf_sock_addr *ctx)
{
    return ctx->user_port == bpf_htons(8080);
}

char LICENSE[] SEC("license") = "GPL";`,
  });
  b.attachCgroup(folder, 'only_8080');

  enter(folder);
  for (const port of [8080, 8081]) {
    const code = await new Promise((resolve) =>
      connect(port, '127.0.0.1').on('error', (error) => resolve((error as NodeJS.ErrnoException).code)),
    );
    console.log(`port ${port}: ${code}`);
  }
} finally {
  enter(before);
  rmdirSync(folder);
}
