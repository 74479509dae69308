/** bitesize: how large are the requests that each process sends to block devices? */
import { collectHistograms } from '../bcc/histograms.ts';
import { safe } from '../render/safe.ts';
import { FILTER, filters } from './parts/filter.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct proc_key_t {
    char name[TASK_COMM_LEN];
    u64 slot;
};

BPF_HISTOGRAM(dist, struct proc_key_t, 10240);

TRACEPOINT_PROBE(block, block_rq_issue)
{
    struct proc_key_t key = {};

    if (filtered())
        return 0;
    __builtin_memcpy(key.name, args->comm, sizeof(key.name));
    key.slot = bpf_log2l(args->bytes / 1024);
    dist.atomic_increment(key);
    return 0;
}
`;

export const tool = defineTool({
  name: 'bitesize',
  topic: 'disk',
  summary: 'Summarize block device I/O size as a histogram',
  about:
    'Counts every request issued to a block device by its size in Kbytes, for each process that caused it, ' +
    'and prints a power-of-two histogram for each when it ends. Runs until Ctrl-C, or for the seconds given.',
  flags: { pid: { type: 'pid', short: 'p', help: 'only requests that this process issues' } },
  positionals: [{ name: 'seconds', type: 'number', help: 'trace for this long, then print' }],
  examples: [
    { command: 'bitesize', help: 'trace until Ctrl-C' },
    { command: 'bitesize 5', help: 'trace for five seconds' },
    { command: 'bitesize --json 5', help: 'one JSON line for each process' },
  ],
  fields: [
    { name: 'comm', type: 'string', help: 'name of the process' },
    { name: 'unit', type: 'string', help: 'always "Kbytes"' },
    { name: 'buckets', type: 'array', help: 'rows with low and high (Kbytes, both included) and count' },
  ],
  probes: [{ kind: 'tracepoint', targets: ['block:block_rq_issue'] }],
  program: (options) => program(filters(options), FILTER, PROGRAM),
  async run({ args, out, load, sleep, during }) {
    const bpf = await load();
    out.line(`Tracing block I/O...${during ? '' : ' Hit Ctrl-C to end.'}`);
    const seconds = args['seconds'];
    if (during) await during();
    else await sleep(typeof seconds === 'number' ? seconds : Number.POSITIVE_INFINITY);
    for (const { section, slots } of collectHistograms(bpf.map('dist').entries())) {
      out.line();
      out.line(`Process Name = ${safe(String(section))}`);
      out.log2(slots, 'Kbytes', { comm: section });
    }
  },
});
