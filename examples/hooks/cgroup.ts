/** A cgroup hook: what the processes of a control group may do. Here: where they may connect to. Linux 4.17; 5.7 as a link. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { BPF } from 'skep';

const folder = '/sys/fs/cgroup/skep-example';
mkdirSync(folder);
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

  writeFileSync(`${folder}/cgroup.procs`, String(process.pid));
  for (const port of [8080, 8081]) {
    const code = await new Promise((resolve) =>
      connect(port, '127.0.0.1').on('error', (error) => resolve((error as NodeJS.ErrnoException).code)),
    );
    console.log(`port ${port}: ${code}`);
  }
} finally {
  writeFileSync('/sys/fs/cgroup/cgroup.procs', String(process.pid));
  rmdirSync(folder);
}
