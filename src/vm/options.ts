/** What a machine and a run of it are given, and what a run gives back. */
import type { HelperFunction, HelperRow } from './helpers/call.ts';
import type { Trace } from './interpret.ts';
import type { VmTask } from './state.ts';

export interface MachineOptions {
  /** 'wasm' unless said; a trace needs the interpreter. */
  readonly engine?: 'wasm' | 'interpreter';
  /** Instructions that one run may execute. A hundred million unless said. */
  readonly budget?: number;
  /** Bytes for maps, packets and contexts. 256 MiB unless said. */
  readonly memoryLimit?: number;
  readonly cpus?: number;
  readonly cpu?: number;
  readonly seed?: number;
  /** Nanoseconds since boot at the start (one second unless said) ... */
  readonly time?: bigint;
  /** ... and by how much each reading moves it (1 unless said). */
  readonly tick?: bigint;
  /** A clock instead of both. */
  readonly clock?: () => bigint;
  readonly task?: Partial<VmTask>;
  /** Helpers beyond the built-in ones, or in their place. */
  readonly helpers?: readonly HelperRow[];
  readonly kfuncs?: Readonly<Record<string, HelperFunction>>;
  readonly ksyms?: Readonly<Record<string, bigint>>;
  readonly trace?: Trace;
  /** What fills the stack before each run: zero unless said. Another value shows uses of what was never written. */
  readonly stackFill?: number;
}

export interface RunInput {
  /** The context's bytes. Programs of packet types need none: theirs is made from the packet. */
  readonly ctx?: Uint8Array;
  readonly packet?: Uint8Array;
  /**
   * Bytes of link header at the start of `packet` that the program's data begins after: 14 for what the kernel runs
   * behind Ethernet (cgroup_skb, or a socket filter of a UDP socket). Zero unless said.
   */
  readonly pulled?: number;
  /** r1 to r5, instead of a context. */
  readonly args?: readonly bigint[];
  /** True where programs may write to the context; packet types always may. */
  readonly writableContext?: boolean;
}

export interface RunResult {
  /** All 64 bits; most program types return 32. */
  readonly r0: bigint;
  readonly insnCount: number;
  /** Texts of `bpf_trace_printk`. */
  readonly printk: readonly string[];
  /** Text of `bpf_seq_printf` and `bpf_seq_write`. */
  readonly sequence: Uint8Array;
  /** As the program left them. */
  readonly packet?: Uint8Array;
  readonly ctx?: Uint8Array;
  /** What was asked of the kernel and only noted: redirects, signals, overridden results. */
  readonly actions: readonly { readonly helper: string; readonly args: readonly bigint[] }[];
}
