/** What a machine remembers between helper calls, and what the host may set: time, task, packet, output. */
import type { VmMap } from './maps/map.ts';
import type { Packet } from './packet.ts';

/** The task that programs believe to run in. */
export interface VmTask {
  pid: number;
  tgid: number;
  uid: number;
  gid: number;
  comm: string;
  cgroup: bigint;
  /** Address that `bpf_get_current_task` gives; 0 unless a region was made for it. */
  task: bigint;
}

export interface MachineState {
  task: VmTask;
  cpu: number;
  /** Nanoseconds since boot. Each reading moves it by `tick`, unless the host has a clock of its own. */
  time: bigint;
  tick: bigint;
  clock: (() => bigint) | undefined;
  random: () => number;
  /** Lines of `bpf_trace_printk` of the current run. */
  printk: string[];
  /** Text of `bpf_seq_printf` and `bpf_seq_write`. */
  sequence: number[];
  packet: Packet | undefined;
  /** Address of the current run's context. */
  context: number;
  /** Return addresses for `bpf_get_stackid` and `bpf_get_stack`, innermost first. */
  kernelStack: readonly bigint[];
  userStack: readonly bigint[];
  /** `bpf_get_attach_cookie`. */
  cookie: bigint;
  /** `bpf_get_func_ip`. */
  functionIp: bigint;
  /** What `bpf_redirect`, `bpf_override_return`, `bpf_send_signal` asked for, in order. */
  readonly actions: { readonly helper: string; readonly args: readonly bigint[] }[];
  tailCalls: number;
  returnValue: number;
  maps: readonly VmMap[];
  readonly timers: Map<number, Timer>;
}

export interface Timer {
  readonly map: VmMap;
  callback: number;
  /** When it fires; undefined while it is not started. */
  due: bigint | undefined;
}

/** xorshift32, for `bpf_get_prandom_u32`: the same seed gives the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

export function now(state: MachineState): bigint {
  if (state.clock !== undefined) return state.clock();
  state.time += state.tick;
  return state.time;
}
