/** `skep check` against the kernel's verifier, and written objects against libbpf. */
import assert from 'node:assert/strict';
import { run } from '../../pure/object/clang.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { inFolder } from '../../support/skep.ts';

const GOOD = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
SEC("socket") int first(struct __sk_buff *skb) { __u32 key = 1; __u64 *v = bpf_map_lookup_elem(&counts, &key); if (v) *v += skb->len; return 0; }
SEC("xdp") int second(struct xdp_md *ctx) { return XDP_PASS; }
char LICENSE[] SEC("license") = "GPL";
`;
const MIXED = `BPF_HASH(h, u32, u64);
int refused(struct __sk_buff *skb) {
  u32 k = skb->len;
  u64 *v = h.lookup(&k);
  return *v;
}
int accepted(struct __sk_buff *skb) { return skb->len; }
`;

interface Result {
  readonly ok: boolean;
  readonly programs: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly type: string;
    readonly instructions: number;
    readonly xlated: number;
    readonly verified: number;
    readonly stack: number;
    readonly maps: readonly string[];
    readonly milliseconds: number;
    readonly error?: string;
    readonly reason?: { readonly class: string; readonly source: { readonly line: number } };
  }[];
}

kernelTest('accepted programs: their numbers, in columns and as JSON; nothing is left', {}, async () => {
  const before = await snapshot();
  inFolder({ 'good.bpf.c': GOOD }, ({ skep }) => {
    const text = skep('check', 'good.bpf.c');
    assert.deepEqual([text.status, text.err], [0, '']);
    assert.match(
      text.out,
      /^PROGRAM +TYPE +INSNS +XLATED +VERIFIED +STACK +MS +MAPS\nfirst +socket_filter +\d+ +\d+ +\d+ +\d+ +[\d.]+ {2}counts\nsecond +xdp +2 +2 +2 +0 +[\d.]+\n$/,
    );
    const { ok, programs } = JSON.parse(skep('check', '--json', 'good.bpf.c').out) as Result;
    assert.equal(ok, true);
    const [first, second] = programs;
    assert.deepEqual([first?.maps, first?.type], [['counts'], 'socket_filter']);
    // A key on the stack: four bytes, which the verifier counts in eights.
    assert.equal(first?.stack, 8);
    // Two ways through the program: more than a walk along one of them.
    assert.ok((first?.verified ?? 0) >= (first?.instructions ?? 0) - 2 && (first?.verified ?? 0) < 100, JSON.stringify(first));
    assert.deepEqual([second?.instructions, second?.xlated, second?.verified, second?.stack], [2, 2, 2, 0]);
  });
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('a refused program is told at its line, and does not hide the next', {}, async () => {
  const before = await snapshot();
  inFolder({ 'mixed.c': MIXED }, ({ skep }) => {
    const text = skep('check', 'mixed.c');
    assert.equal(text.status, 1);
    assert.match(text.out, /^refused +socket_filter +refused$/m);
    assert.match(text.out, /^accepted +socket_filter +\d/m);
    assert.match(text.out, /^mixed\.c:5:\d+: the verifier refuses program 'refused'.*may be null/m);
    const { ok, programs } = JSON.parse(skep('check', '--json', 'mixed.c').out) as Result;
    assert.deepEqual([ok, programs.map((one) => one.ok)], [false, [false, true]]);
    assert.equal(programs[0]?.reason?.source.line, 5);
    // The whole log is there when asked for, with the registers of each instruction.
    const logged = JSON.parse(skep('check', '--json', '--log', 'mixed.c').out) as { programs: { log: string }[] };
    for (const { log } of logged.programs) assert.match(log, /R1=ctx/);
  });
  assert.deepEqual(await leftovers(before), []);
});

const OBJECTS: Readonly<
  Record<string, { readonly text: string; readonly flags: readonly string[]; readonly programs: readonly string[] }>
> = {
  'maps and two sections': { text: GOOD, flags: [], programs: ['first', 'second'] },
  'subprograms, constants and data': {
    text: `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
const volatile int step = 3;
__u64 total;
static __noinline int twice(int x) { return x * step * 2; }
SEC("socket") int f(struct __sk_buff *skb) { total += twice(skb->len); return twice(skb->mark); }
char LICENSE[] SEC("license") = "GPL";
`,
    flags: [],
    programs: ['f'],
  },
  'CO-RE': {
    text: '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nSEC("tp_btf/sched_switch") int sw(void **ctx) { struct task_struct *t = (void *)bpf_get_current_task_btf(); return t->tgid == 1 ? 0 : 0; }\nchar LICENSE[] SEC("license") = "GPL";\n',
    flags: ['--portable'],
    programs: ['sw'],
  },
  "BCC's dialect": {
    text: 'BPF_HASH(counts, u32, u64);\nBPF_HISTOGRAM(dist);\nTRACEPOINT_PROBE(sched, sched_process_exit) { u32 pid = args->pid; counts.increment(pid); dist.increment(bpf_log2l(pid)); return 0; }\n',
    flags: [],
    programs: ['tracepoint__sched__sched_process_exit'],
  },
};

for (const [name, { text, flags, programs }] of Object.entries(OBJECTS)) {
  kernelTest(`bpftool loads what 'skep compile' wrote: ${name}`, { btf: true, commands: ['bpftool', 'unshare'] }, () => {
    inFolder({ 'p.c': text }, ({ skep, file, path }) => {
      assert.deepEqual(skep('compile', ...flags, '-o', 'p.o', 'p.c'), { status: 0, out: '', err: '' });
      // Pins go into a bpf file system of a private mount namespace, and are gone with it.
      const script = file(
        'script',
        `mount -t bpf none /sys/fs/bpf\nmkdir /sys/fs/bpf/x\nbpftool prog loadall ${path}/p.o /sys/fs/bpf/x\nls /sys/fs/bpf/x\n`,
      );
      assert.deepEqual(
        run('unshare', ['-m', '--propagation', 'private', 'sh', '-e', script]).trim().split('\n').sort(),
        [...programs].sort(),
      );
    });
  });
}
