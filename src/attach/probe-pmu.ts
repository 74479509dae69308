/**
 * The kernel's probe devices: /sys/bus/event_source/devices/{kprobe,uprobe}. Each has a number, and says which bit of
 * `config` makes a probe a return probe and which bits hold the offset of a reference counter.
 */
import { FeatureError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import { readTextIfThere } from '../kernel/text.ts';

export interface ProbeDevice {
  /** `type` for perf_event_open. */
  readonly type: number;
  readonly returnBit: bigint;
  /** First of the bits of `config` that hold a reference counter's offset; undefined before Linux 4.20. */
  readonly counterShift: bigint | undefined;
}

export function hasProbeDevice(kernel: Kernel, kind: 'kprobe' | 'uprobe'): boolean {
  return kernel.exists(`/sys/bus/event_source/devices/${kind}/type`);
}

export function probeDevice(kernel: Kernel, kind: 'kprobe' | 'uprobe'): ProbeDevice {
  const folder = `/sys/bus/event_source/devices/${kind}`;
  const type = Number.parseInt(readTextIfThere(kernel, `${folder}/type`) ?? '', 10);
  if (!Number.isSafeInteger(type)) {
    throw new FeatureError(`${kind}s`, {
      why: `it has no ${kind} device`,
      hint: `the kernel must be built with CONFIG_${kind.toUpperCase()}_EVENTS (Linux 4.17 or later)`,
    });
  }
  const returnBit = firstBit(readTextIfThere(kernel, `${folder}/format/retprobe`)) ?? 0n;
  return { type, returnBit: 1n << returnBit, counterShift: firstBit(readTextIfThere(kernel, `${folder}/format/ref_ctr_offset`)) };
}

/** From 'config:32-63'. */
function firstBit(format: string | undefined): bigint | undefined {
  const bit = /^config:(\d+)/.exec(format ?? '')?.[1];
  return bit === undefined ? undefined : BigInt(bit);
}
