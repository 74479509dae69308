/**
 * What the methods of `BPF` are called with, checked before anything is done: scripts in JavaScript have no compiler
 * that would say it, and those that come from BCC give its keywords as one object.
 *
 *   b.attachTracepoint({ tp: 'sched:sched_switch', fnName: 'f' })
 *   ─▶ UsageError: attachTracepoint: the 1st argument is an object, where a text or a RegExp is expected
 *      hint: call it as attachTracepoint('sched:sched_switch', 'function')
 */
import { UsageError } from '../kernel/errors.ts';

type Kind = 'text' | 'number' | 'bigint' | 'RegExp' | 'list of texts' | 'object';

interface Signature {
  /** An example of the arguments, for the hint. */
  readonly call: string;
  /** For each argument the kinds that it may be; '?' may be left out. */
  readonly takes: readonly (readonly (Kind | '?')[])[];
}

const TEXT = ['text'] as const;
const OPTIONAL_TEXT = ['text', '?'] as const;
const OPTIONS = ['object', '?'] as const;
const INTERFACE = ['text', 'number'] as const;
const USER: Signature = { call: "({ name: 'c', sym: 'malloc' }, 'function')", takes: [['object'], TEXT, OPTIONS] };
const TYPED: Signature = { call: "('function', 'place')", takes: [TEXT, OPTIONAL_TEXT, OPTIONS] };
const OFF: Signature = { call: "('place', 'function')", takes: [TEXT, OPTIONAL_TEXT] };
const OFF_TYPED: Signature = { call: "('function')", takes: [TEXT] };

export const SIGNATURES: Readonly<Record<string, Signature>> = {
  attachTracepoint: { call: "('sched:sched_switch', 'function')", takes: [['text', 'RegExp'], TEXT, OPTIONS] },
  attachRawTracepoint: { call: "('sched_switch', 'function')", takes: [TEXT, TEXT, OPTIONS] },
  attachKprobe: { call: "('vfs_read', 'function')", takes: [['text', 'bigint', 'RegExp', 'list of texts'], TEXT, OPTIONS] },
  attachKretprobe: { call: "('vfs_read', 'function')", takes: [['text', 'RegExp', 'list of texts'], TEXT, OPTIONS] },
  attachUprobe: USER,
  attachUretprobe: USER,
  attachKfunc: TYPED,
  attachKretfunc: TYPED,
  attachFmodRet: TYPED,
  attachTpBtf: TYPED,
  attachLsm: TYPED,
  attachIterator: { call: "('function')", takes: [TEXT, OPTIONS] },
  readIterator: { call: "(b.attachIterator('function'))", takes: [['object']] },
  attachPerfEvent: { call: "({ event: 'cpu_clock', frequency: 99 }, 'function')", takes: [['object'], TEXT] },
  openPerfEvent: { call: "('map', 'cpu_cycles')", takes: [TEXT, ['text', 'object'], OPTIONS] },
  attachRawSocket: { call: "('function', 'lo')", takes: [TEXT, TEXT, OPTIONS] },
  attachSocket: { call: "(descriptor, 'function')", takes: [['number'], TEXT, OPTIONS] },
  attachXdp: { call: "('eth0', 'function')", takes: [INTERFACE, TEXT, OPTIONS] },
  attachTc: { call: "('eth0', 'ingress', 'function')", takes: [INTERFACE, TEXT, TEXT, OPTIONS] },
  attachCgroup: { call: "('/sys/fs/cgroup/mine', 'function')", takes: [TEXT, TEXT, OPTIONS] },
  attachNetns: { call: "('function', '/run/netns/mine')", takes: [TEXT, OPTIONAL_TEXT] },
  attachNetfilter: { call: "({ family: 'ipv4', hook: 'local_in', priority: 0 }, 'function')", takes: [['object'], TEXT] },
  attachSockmap: { call: "('map', 'function')", takes: [TEXT, TEXT] },
  attachStructOps: { call: "('tcp_congestion_ops', { name: 'mine', ssthresh: 'function' })", takes: [TEXT, ['object']] },
  attachFunc: { call: "('function', descriptor, 'lirc_mode2')", takes: [TEXT, ['number'], TEXT, ['number', '?']] },
  attachTo: { call: "('function', 'eth0')", takes: [TEXT, TEXT] },
  run: { call: "('function', { data: new Uint8Array(64) })", takes: [TEXT, OPTIONS] },
  detachKprobe: OFF,
  detachKretprobe: OFF,
  detachUprobe: OFF,
  detachUretprobe: OFF,
  detachTracepoint: OFF,
  detachRawTracepoint: OFF,
  detachKfunc: OFF_TYPED,
  detachKretfunc: OFF_TYPED,
  detachFmodRet: OFF_TYPED,
  detachLsm: OFF_TYPED,
  detachPerfEvent: OFF,
  removeXdp: { call: "('eth0')", takes: [INTERFACE] },
  detachFunc: { call: "('function', descriptor, 'lirc_mode2')", takes: [TEXT, ['number'], TEXT] },
};

/** Puts the check before each of the methods. */
export function checkArguments(prototype: object): void {
  const methods = prototype as Record<string, (...given: readonly unknown[]) => unknown>;
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    const method = methods[name];
    if (method === undefined) continue;
    const checked = function (this: unknown, ...given: readonly unknown[]): unknown {
      check(name, signature, given);
      return method.apply(this, [...given]);
    };
    Object.defineProperty(prototype, name, { value: checked, writable: true, configurable: true });
  }
}

const ORDINALS = ['1st', '2nd', '3rd', '4th'];

function check(name: string, { call, takes }: Signature, given: readonly unknown[]): void {
  takes.forEach((kinds, i) => {
    const kind = kindOf(given[i]);
    if (kinds.some((allowed) => (allowed === '?' ? kind === 'undefined' : allowed === kind))) return;
    const expected = kinds.filter((allowed) => allowed !== '?').map(article);
    throw new UsageError(
      `${name}: the ${ORDINALS[i]} argument is ${kind === 'undefined' ? 'missing' : article(kind)}, where ${expected.join(' or ')} is expected`,
      [],
      `call it as ${name}${call}; docs/hooks.md has an example of each hook`,
    );
  });
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (value instanceof RegExp) return 'RegExp';
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? 'list of texts' : 'list';
  return typeof value;
}

function article(kind: string): string {
  return kind === 'null' ? kind : `${kind === 'object' ? 'an' : 'a'} ${kind}`;
}
