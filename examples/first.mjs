import { BPF } from 'skep';

const b = await BPF.load({
  text: `
    struct key { char comm[TASK_COMM_LEN]; u64 slot; };
    BPF_HISTOGRAM(dist, struct key);

    TRACEPOINT_PROBE(block, block_rq_issue) {
        struct key k = {};
        bpf_get_current_comm(&k.comm, sizeof(k.comm));
        k.slot = bpf_log2l(args->bytes / 1024);
        dist.increment(k);
        return 0;
    }`,
});
try {
  console.log('Tracing block I/O. Hit Ctrl-C to end.');
  // Nothing else keeps Node running: what is counted is counted in the kernel.
  const awake = setInterval(() => {}, 60_000);
  await new Promise((resolve) => process.once('SIGINT', resolve));
  clearInterval(awake);
  b.map('dist').printLog2Hist('Kbytes', { section: 'Process Name' });
} finally {
  b.close();
}
