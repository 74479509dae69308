/**
 * The C of `trace`: for each probe a record and a program that fills it in a ring buffer which all probes share, so
 * that events come in their order.
 *
 *   program: is this task wanted? ─▶ filter ─▶ reserve ─▶ header (time, task, stacks), values ─▶ submit
 */
import {
  COMMON_NAMES,
  inPlace,
  type Memory,
  NO_REGISTER_NAMES,
  parameters,
  readString,
  registerNames,
  stringCompare,
  usdtArguments,
  withoutUserMarks,
} from './c-text.ts';
import type { Words } from './cursor.ts';
import type { TraceSpec } from './trace-spec.ts';

export interface TraceProbe {
  readonly spec: TraceSpec;
  /** From 1: parts of the names in C. */
  readonly number: number;
  /** The function is a system call behind a wrapper: its arguments lie in registers that its own argument points to. */
  readonly syscall: boolean;
}

export interface TraceProgramOptions {
  readonly stringSize: number;
  readonly kernelStack: boolean;
  readonly userStack: boolean;
  /** Bytes, a power of two. */
  readonly bufferPages: number;
  /** C that leaves the program for tasks that are not wanted. */
  readonly prologue: string;
  readonly includes: readonly string[];
}

export const recordOf = ({ number }: TraceProbe): string => `event_${number}`;
export const programOf = ({ spec, number, syscall }: TraceProbe): string => {
  const { kind, category, name } = spec.probe;
  if (kind === 't') return `tracepoint__${category}__${name}`;
  return `${syscall && kind === 'p' ? 'syscall__' : ''}probe_${number}`;
};

/** Every record begins so: `number` says whose it is. */
const HEADER = `    u64 time;
    u32 number;
    u32 tgid;
    u32 pid;
    u32 cpu;
    s32 kernel_stack;
    s32 user_stack;
    char comm[TASK_COMM_LEN];`;

/** Where the records' `number` lies, in bytes: a little-endian (native) u32. */
export const NUMBER_OFFSET = 8;

export function traceProgram(probes: readonly TraceProbe[], options: TraceProgramOptions): string {
  const { kernelStack, userStack, bufferPages, includes } = options;
  return [
    ...includes.map((header) => (/^[./]/.test(header) ? `#include "${header}"` : `#include <${header}>`)),
    COMMON_NAMES,
    `BPF_RINGBUF_OUTPUT(events, ${bufferPages});`,
    kernelStack || userStack ? 'BPF_STACK_TRACE(stacks, 1024);' : '',
    ...probes.map((probe) => probeText(probe, options)),
  ].join('\n');
}

function memoryOf({ spec, syscall }: TraceProbe, value: Words, marked: boolean): Memory {
  if (marked || spec.probe.library !== '' || syscall) return 'user';
  return parameters(spec.signature?.text ?? '').some(({ name, user }) => user && name === value.text) ? 'user' : 'either';
}

function probeText(probe: TraceProbe, { stringSize, kernelStack, userStack, prologue }: TraceProgramOptions): string {
  const { spec, number, syscall } = probe;
  const { kind, category, name, library } = spec.probe;
  const where = `probe ${number}`;
  const registers = kind === 'p' || kind === 'r';
  const signature = spec.signature && kind === 'p' ? `,${inPlace(spec.signature, where)}` : '';
  const head = kind === 't' ? `TRACEPOINT_PROBE(${category}, ${name})` : `int ${programOf(probe)}(struct pt_regs *ctx${signature})`;
  const context = kind === 't' ? 'args' : 'ctx';
  const filter = spec.filter && withoutUserMarks(spec.filter).words;
  const fields = spec.conversions.map(({ type }, i) => (type === 'string' ? `    char v${i}[${stringSize}];` : `    ${type} v${i};`));
  const values = spec.values.map((given, i) => {
    const { words, user } = withoutUserMarks(given);
    const type = spec.conversions[i]?.type ?? 'int';
    if (type !== 'string') return `    __e->v${i} = (${type})(${inPlace(words, where)});`;
    return `    ${readString(`__e->v${i}`, inPlace(words, where), memoryOf(probe, words, user))}`;
  });
  return `
struct ${recordOf(probe)} {
${HEADER}
${fields.join('\n')}
};
${registers ? registerNames(syscall) : ''}
${stringCompare(library !== '' || syscall ? 'user' : 'either')}
${head}
{
${prologue}
${kind === 'u' ? usdtArguments(filter ? [...spec.values, filter] : spec.values) : ''}
${filter ? `    if (!(${inPlace(filter, where)}))\n        return 0;` : ''}
    struct ${recordOf(probe)} *__e = events.ringbuf_reserve(sizeof(*__e));
    if (!__e)
        return 0;
    __e->time = bpf_ktime_get_ns();
    __e->number = ${number};
    __e->tgid = bpf_get_current_pid_tgid() >> 32;
    __e->pid = bpf_get_current_pid_tgid();
    __e->cpu = bpf_get_smp_processor_id();
    __e->kernel_stack = ${kernelStack ? `stacks.get_stackid(${context}, 0)` : '-1'};
    __e->user_stack = ${userStack ? `stacks.get_stackid(${context}, BPF_F_USER_STACK)` : '-1'};
    bpf_get_current_comm(&__e->comm, sizeof(__e->comm));
${values.join('\n')}
    events.ringbuf_submit(__e, 0);
    return 0;
}
#undef STRCMP
${registers ? NO_REGISTER_NAMES : ''}
`;
}
