/** memleak: which allocations have not been freed, and who made them? */
import type { BPF } from '../bcc/bpf.ts';
import type { ReadOptions } from '../events/stream.ts';
import { NoSuchHookError, UsageError, UserError } from '../kernel/errors.ts';
import { safe } from '../render/safe.ts';
import { clockText } from '../render/time.ts';
import type { Output } from './output.ts';
import { COMM, PID } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { loadAttached } from './parts/probe-attach.ts';
import { program } from './parts/text.ts';
import { defineTool, type OptionsOf } from './tool.ts';

/**
 * An allocation is entered with its size and known by its address from its return on. What an allocator calls on the way
 * (malloc its mmap) is not counted a second time: only the outermost call of a thread is.
 */
const COMMON = `
struct alloc_t {
    u64 size;
    u64 time;
    s32 stack;
};
struct sum_t {
    u64 bytes;
    u64 count;
};
#if defined(IN_PROCESS) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
/* Memory comes as it is needed: a million entries at once take the kernel as long as all the rest of the start. Not from
   within the kernel's own allocators, and before 6.1 the kernel warns of it. */
BPF_F_TABLE("hash", u64, struct alloc_t, allocs, 1000000, BPF_F_NO_PREALLOC);
#else
BPF_HASH(allocs, u64, struct alloc_t, 1000000);
#endif
BPF_HASH(sums, s32, struct sum_t, 10240);
BPF_STACK_TRACE(stacks, 10240);
#ifdef EACH_CALL
struct call_t {
    u64 size;
    u64 address;
    u32 pid;
    u32 freed;
    char comm[TASK_COMM_LEN];
};
BPF_RINGBUF_OUTPUT(calls, 256);
#endif

static inline void tell(u64 address, u64 size, int freed)
{
#ifdef EACH_CALL
    struct call_t call = {};
    call.size = size;
    call.address = address;
    call.pid = bpf_get_current_pid_tgid() >> 32;
    call.freed = freed;
    bpf_get_current_comm(&call.comm, sizeof(call.comm));
    calls.ringbuf_output(&call, sizeof(call), 0);
#endif
}

#ifdef COMMAND
/* The command's process as long as the shell that holds it has not become the command; then 0. */
BPF_ARRAY(held, u32, 1);

TRACEPOINT_PROBE(sched, sched_process_exec)
{
    int zero = 0;
    u32 *pid = held.lookup(&zero);

    if (pid && *pid == bpf_get_current_pid_tgid() >> 32)
        *pid = 0;
    return 0;
}
#endif

static inline int wanted(u64 size)
{
#ifdef COMMAND
    int zero = 0;
    u32 *shell = held.lookup(&zero);
    if (shell && *shell)
        return 0;
#endif
#ifdef MIN_SIZE
    if (size < MIN_SIZE)
        return 0;
#endif
#ifdef MAX_SIZE
    if (size > MAX_SIZE)
        return 0;
#endif
#ifdef SAMPLE_RATE
    if (bpf_get_prandom_u32() % SAMPLE_RATE != 0)
        return 0;
#endif
    return !filtered();
}

static inline void add(void *ctx, u64 address, u64 size)
{
    struct alloc_t alloc = {};
    struct sum_t none = {}, *sum;

    alloc.size = size;
    alloc.time = bpf_ktime_get_ns();
    alloc.stack = stacks.get_stackid(ctx, STACK_FLAGS);
    allocs.update(&address, &alloc);
    sum = sums.lookup_or_try_init(&alloc.stack, &none);
    if (sum) {
        __sync_fetch_and_add(&sum->bytes, size);
        __sync_fetch_and_add(&sum->count, 1);
    }
    tell(address, size, 0);
}

static inline int remove(u64 address)
{
    struct alloc_t *alloc = allocs.lookup(&address);
    struct sum_t *sum;

    if (!alloc)
        return 0;
    s32 stack = alloc->stack;
    u64 size = alloc->size;
    allocs.delete(&address);
    sum = sums.lookup(&stack);
    if (sum) {
        __sync_fetch_and_add(&sum->bytes, -size);
        __sync_fetch_and_add(&sum->count, -1);
    }
    tell(address, size, 1);
    return 0;
}
`;

/** How each allocator of C is called: where its size is, and where its result. */
interface Allocator {
  readonly name: string;
  readonly parameters: string;
  readonly size: string;
  /** A pointer that the call frees if it succeeds. */
  readonly frees?: string;
  /** The result is stored through this pointer. */
  readonly through?: string;
  readonly optional?: boolean;
}

const ALLOCATORS: readonly Allocator[] = [
  { name: 'malloc', parameters: 'size_t size', size: 'size' },
  { name: 'calloc', parameters: 'size_t count, size_t size', size: 'count * size' },
  { name: 'realloc', parameters: 'void *old, size_t size', size: 'size', frees: 'old' },
  { name: 'mmap', parameters: 'void *at, size_t size', size: 'size' },
  { name: 'posix_memalign', parameters: 'void **result, size_t alignment, size_t size', size: 'size', through: 'result' },
  { name: 'aligned_alloc', parameters: 'size_t alignment, size_t size', size: 'size', optional: true },
  { name: 'memalign', parameters: 'size_t alignment, size_t size', size: 'size', optional: true },
  { name: 'valloc', parameters: 'size_t size', size: 'size', optional: true },
  { name: 'pvalloc', parameters: 'size_t size', size: 'size', optional: true },
];
const FREES = ['free', 'munmap'] as const;

const IN_PROCESS = `
struct pending_t {
    u64 size;
    u64 frees;
    u64 through;
    u64 allocator;
};
BPF_HASH(pending, u32, struct pending_t, 65536);

static inline int enter(u64 allocator, u64 size, u64 frees, u64 through)
{
    u32 thread = bpf_get_current_pid_tgid();
    struct pending_t *outer = pending.lookup(&thread), p = {};

    if (outer && outer->allocator != allocator)
        return 0;
    p.size = size;
    p.frees = frees;
    p.through = through;
    p.allocator = allocator;
    pending.update(&thread, &p);
    return 0;
}

static inline int leave(void *ctx, u64 allocator, u64 result)
{
    u32 thread = bpf_get_current_pid_tgid();
    struct pending_t *p = pending.lookup(&thread);

    if (!p || p->allocator != allocator)
        return 0;
    u64 size = p->size, frees = p->frees, through = p->through;
    pending.delete(&thread);
    if (through) {
        /* posix_memalign: 0 is success, and the address was stored. */
        if (result != 0 || bpf_probe_read_user(&result, sizeof(result), (void *)through) != 0)
            return 0;
    }
    /* mmap fails with -1. */
    if (result == 0 || result == ~0ULL)
        return 0;
    if (frees)
        remove(frees);
    if (wanted(size))
        add(ctx, result, size);
    return 0;
}
${ALLOCATORS.map(
  ({ name, parameters, size, frees, through }, i) => `
int ${name}_enter(struct pt_regs *ctx, ${parameters}) { return enter(${i + 1}, ${size}, ${frees === undefined ? 0 : `(u64)${frees}`}, ${through === undefined ? 0 : `(u64)${through}`}); }
int ${name}_exit(struct pt_regs *ctx) { return leave(ctx, ${i + 1}, PT_REGS_RC(ctx)); }`,
).join('')}
${FREES.map((name) => `int ${name}_enter(struct pt_regs *ctx, void *address) { return remove((u64)address); }`).join('\n')}
`;

/** Tracepoints of the kernel's allocators; pages are known by their number. */
const slab = (event: string) => `
TRACEPOINT_PROBE(kmem, ${event})
{
#ifdef MISSING_FREE
    remove((u64)args->ptr);
#endif
    if (args->ptr && wanted(args->bytes_alloc))
        add(args, (u64)args->ptr, args->bytes_alloc);
    return 0;
}`;
const IN_KERNEL = `
${slab('kmalloc')}
${slab('kmem_cache_alloc')}
TRACEPOINT_PROBE(kmem, kfree) { return remove((u64)args->ptr); }
TRACEPOINT_PROBE(kmem, kmem_cache_free) { return remove((u64)args->ptr); }
TRACEPOINT_PROBE(kmem, mm_page_alloc)
{
    u64 size = 4096ULL << args->order;
    if (args->pfn != ~0UL && wanted(size))
        add(args, args->pfn, size);
    return 0;
}
TRACEPOINT_PROBE(kmem, mm_page_free) { return remove(args->pfn); }
`;
const ON_NODES = `${slab('kmalloc_node')}${slab('kmem_cache_alloc_node')}`;
const PER_CPU = `
TRACEPOINT_PROBE(percpu, percpu_alloc_percpu)
{
    if (args->ptr && wanted(args->size))
        add(args, (u64)args->ptr, args->size);
    return 0;
}
TRACEPOINT_PROBE(percpu, percpu_free_percpu) { return remove((u64)args->ptr); }
`;

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: "this process; without, the kernel's own allocations" },
  trace: { type: 'boolean', short: 't', help: 'print each call' },
  'show-allocs': { type: 'boolean', short: 'a', help: 'addresses and sizes of single allocations, too' },
  older: { type: 'number', short: 'o', value: 'MS', default: 500, help: 'only allocations at least this old' },
  command: { type: 'string', short: 'c', help: 'start this command and trace it' },
  'combined-only': { type: 'boolean', help: 'only sums by stack, kept in the kernel: less to read' },
  'wa-missing-free': { type: 'boolean', help: 'an address that is allocated again was freed unseen' },
  'sample-rate': { type: 'count', short: 's', value: 'N', default: 1, help: 'about every Nth allocation' },
  top: { type: 'count', short: 'T', default: 10, help: 'so many stacks' },
  'min-size': { type: 'count', short: 'z', value: 'BYTES', help: 'only allocations at least this large' },
  'max-size': { type: 'count', short: 'Z', value: 'BYTES', help: 'only allocations at most this large' },
  obj: { type: 'string', short: 'O', default: 'c', help: 'library or program whose allocators are traced' },
  percpu: { type: 'boolean', help: "the kernel's per-CPU allocations" },
} as const;

type Options = OptionsOf<typeof FLAGS> & { readonly cgroup?: string | undefined };

const ofKernel = ({ pid, command }: Options): boolean => pid === undefined && command === undefined;

function attachAllocators(bpf: BPF, pid: number, name: string): void {
  for (const { name: sym, optional } of ALLOCATORS) {
    try {
      // The return first: a call that is entered is then always left.
      bpf.attachUretprobe({ name, sym, pid }, `${sym}_exit`);
      bpf.attachUprobe({ name, sym, pid }, `${sym}_enter`);
    } catch (error) {
      if (optional !== true || !(error instanceof NoSuchHookError)) throw error;
    }
  }
  for (const sym of FREES) bpf.attachUprobe({ name, sym, pid }, `${sym}_enter`);
}

interface Alloc {
  readonly size: bigint;
  readonly time: bigint;
  readonly stack: number;
}

interface Group {
  bytes: bigint;
  count: bigint;
  readonly stack: number;
  readonly allocs: { readonly address: bigint; readonly size: bigint }[];
}

/** Outstanding allocations by stack. */
function groupsOf(bpf: BPF, options: Options): Group[] {
  if (options['combined-only'])
    return [...bpf.map<number, { readonly bytes: bigint; readonly count: bigint }>('sums').entries()]
      .filter(([, { count }]) => count > 0n)
      .map(([stack, { bytes, count }]) => ({ stack, bytes, count, allocs: [] }));
  const groups = new Map<number, Group>();
  const youngest = process.hrtime.bigint() - BigInt(options.older) * 1_000_000n;
  for (const [address, { size, time, stack }] of bpf.map<bigint, Alloc>('allocs').entries()) {
    if (time > youngest) continue;
    let group = groups.get(stack);
    if (!group) groups.set(stack, (group = { stack, bytes: 0n, count: 0n, allocs: [] }));
    group.bytes += size;
    group.count++;
    if (options['show-allocs']) group.allocs.push({ address, size });
  }
  return [...groups.values()];
}

export const tool = defineTool({
  name: 'memleak',
  topic: 'memory',
  summary: 'Show outstanding memory allocations by stack',
  about:
    'Follows the allocators of a process (malloc, calloc, realloc, mmap, posix_memalign and kin) or, without a process, those of the kernel (kmalloc, slab caches, pages), ' +
    'and prints every few seconds which stacks have allocated what is not freed yet. What is printed again and again and grows is a leak. ' +
    'Every allocation is a trap into the kernel: a process that allocates much becomes slow; -s and -z help.',
  flags: FLAGS,
  positionals: [
    { name: 'interval', type: 'seconds', default: 5, help: 'seconds between reports' },
    { name: 'count', type: 'count', help: 'so many reports' },
  ],
  examples: [
    { command: 'memleak -p 1 5 1', help: 'what process 1 has allocated in five seconds and not freed' },
    { command: 'memleak -c "ls -l" 1', help: 'start a command and follow it from its first instruction' },
    { command: 'memleak -o 60000', help: 'allocations of the kernel that are older than a minute' },
    { command: 'memleak -s 100 --combined-only 5 1', help: 'every hundredth allocation of the kernel, sums only' },
  ],
  fields: [
    { name: 'time', type: 'string', help: 'time of the report, HH:MM:SS' },
    { name: 'bytes', type: 'integer', help: 'outstanding with this stack' },
    { name: 'allocations', type: 'integer', help: 'how many those are' },
    { name: 'stack', type: 'array', help: 'names of the functions, innermost first' },
    { name: 'allocs', type: 'array', help: '-a: objects with address and size' },
    { name: 'call', type: 'string', help: '-t: "alloc" or "free", a record for each call, with the fields that follow' },
    PID,
    COMM,
    { name: 'address', type: 'string', help: '-t: of the memory, hexadecimal' },
    { name: 'size', type: 'integer', help: '-t: bytes' },
  ],
  probes: [
    {
      kind: 'tracepoint',
      targets: ['kmem:kmalloc', 'kmem:kmem_cache_alloc', 'kmem:mm_page_alloc', 'kmem:kmalloc_node', 'kmem:kmem_cache_alloc_node'],
      id: 'nodes',
    },
    { kind: 'tracepoint', targets: ['kmem:kmalloc', 'kmem:kmem_cache_alloc', 'kmem:mm_page_alloc'], id: 'plain' },
  ],
  program(options, _args, choice) {
    const { pid, command, cgroup, 'min-size': min, 'max-size': max, 'sample-rate': rate } = options;
    if (pid !== undefined && command !== undefined) throw new UsageError('-p and -c exclude each other');
    if (min !== undefined && max !== undefined && min > max) throw new UsageError('-z is above -Z: no size is left');
    const kernel = ofKernel(options);
    if (options.percpu && !kernel) throw new UsageError('--percpu is about the kernel: leave -p and -c out');
    return program(
      {
        STACK_FLAGS: kernel ? 0 : 256,
        MIN_SIZE: min,
        MAX_SIZE: max,
        SAMPLE_RATE: rate > 1 ? rate : undefined,
        EACH_CALL: options.trace,
        MISSING_FREE: options['wa-missing-free'],
        COMMAND: command !== undefined,
        IN_PROCESS: !kernel,
        ...filters({ cgroup }),
      },
      FILTER,
      COMMON,
      kernel ? (options.percpu ? PER_CPU : `${IN_KERNEL}${choice.id === 'nodes' ? ON_NODES : ''}`) : IN_PROCESS,
    );
  },
  async run({ options, args, out, kernel, load, loadFirst, rounds, choice, stop, keptUp, warn, end, startStopped }) {
    if (options.pid !== undefined && !kernel.exists(`/proc/${options.pid}`)) throw new UserError(`there is no process ${options.pid}`);
    let failed: UserError | undefined;
    const command = options.command === undefined ? undefined : await startStopped(options.command);
    if (options.command !== undefined) out.line(`Executing '${options.command}' and tracing the resulting process.`);
    const pid = command?.pid ?? options.pid;
    const text = tool.program(options, args, choice);
    const bpf =
      pid === undefined ? await load() : await loadAttached(loadFirst, { text }, (bpf) => attachAllocators(bpf, pid, options.obj));
    if (pid === undefined) out.line('Attaching to kernel allocators, Ctrl+C to quit.');
    else {
      out.line(`Attaching to pid ${pid}, Ctrl+C to quit.`);
      bpf.symbols.see(pid);
    }
    const calls = options.trace ? tell(bpf, out, { signal: stop, before: keptUp }) : undefined;
    if (command) {
      bpf.map<number, number>('held').set(0, command.pid);
      command.go();
      void command.ended.then((how) => {
        if (stop.aborted) return;
        // The program for execs has not seen one.
        if (bpf.map<number, number>('held').get(0) !== 0) failed = new UserError(`'${options.command}' could not be run (${how})`);
        else if (how !== 'status 0') warn(`'${options.command}' ended with ${how}`);
        end();
      });
    }
    for await (const _ of rounds(Number(args['interval']), args['count'] as number | undefined)) {
      const time = clockText();
      out.line(`[${time}] Top ${options.top} stacks with outstanding allocations:`);
      const groups = groupsOf(bpf, options).sort((a, b) => Number(a.bytes - b.bytes));
      if (pid !== undefined) bpf.symbols.see(pid);
      for (const { address, size } of groups.flatMap(({ allocs }) => allocs).sort((a, b) => Number(a.size - b.size)))
        out.line(`\taddr = ${address.toString(16)} size = ${size}`);
      for (const { bytes, count, stack, allocs } of groups.slice(-options.top)) {
        const { frames, missed, names } = pid === undefined ? bpf.kernelStack('stacks', stack) : bpf.userStack('stacks', stack, pid);
        const texts = names({ showModule: true, showOffset: true });
        const lines = missed ? texts : texts.map((text, i) => `0x${(frames[i]?.address ?? 0n).toString(16).padStart(16, '0')}\t${text}`);
        const record = { time, bytes, allocations: count, stack: texts, ...(options['show-allocs'] ? { allocs } : {}) };
        out.record(record, `\t${bytes} bytes in ${count} allocations from stack\n\t\t${lines.join('\n\t\t')}`);
      }
    }
    await calls;
    if (failed !== undefined) throw failed;
  },
});

interface Call {
  readonly size: bigint;
  readonly address: bigint;
  readonly pid: number;
  readonly freed: number;
  readonly comm: string;
}

function tell(bpf: BPF, out: Output, reading: ReadOptions): Promise<void> {
  return bpf.events<Call>('calls').forEach(({ size, address, pid, freed, comm }) => {
    const call = freed ? 'free' : 'alloc';
    const text = freed
      ? `free entered, address = ${address.toString(16)}, size = ${size}`
      : `alloc exited, size = ${size}, result = ${address.toString(16)}`;
    out.record({ call, pid, comm, address: `0x${address.toString(16)}`, size }, `${safe(comm)} ${pid} ${text}`);
  }, reading);
}
