/**
 * Tracepoints whose arguments have types, with one text for two ways to hang there:
 *
 *   TYPED_TRACEPOINT(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next) { … }
 *
 *   tp_btf           Linux 5.5   the kernel knows the types, too: what they point to is read by plain loads
 *   raw_tracepoint   Linux 4.17  the same arguments without types: the compiler makes reads by helper of the loads
 */
import type { Place, ProbeChoice } from '../tool.ts';
import type { DefineValue } from './text.ts';

/** Both ways, the better first. */
export function typedTracepoints(...targets: readonly string[]): readonly ProbeChoice[] {
  return [
    { kind: 'tp_btf', targets, minKernel: '5.5' },
    { kind: 'raw_tracepoint', targets, minKernel: '4.17' },
  ];
}

/** Macro for `TYPED_TRACEPOINT`. */
export function typedDefine({ kind }: Place): Readonly<Record<string, DefineValue>> {
  return { BY_RAW_TRACEPOINT: kind === 'raw_tracepoint' };
}

export const TYPED_TRACEPOINT = `
#ifdef BY_RAW_TRACEPOINT
#define TYPED_TRACEPOINT(event, args...) BPF_PROG(raw_tracepoint__##event, ##args)
#else
#define TYPED_TRACEPOINT(event, args...) BTF_TRACEPOINT_PROBE(event, ##args)
#endif
`;
