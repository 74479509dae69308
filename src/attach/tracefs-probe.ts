/**
 * kprobes by tracefs: the way of kernels before 4.17, and today the only one to say how many calls of a function a
 * return probe can follow at once (`maxactive`).
 *
 *   echo 'p:skep_4711_123456/p_0_vfs_read vfs_read' >> kprobe_events ─▶ events/skep_4711_123456/p_0_vfs_read/id ─▶ perf event
 *
 * An event made like this belongs to nobody and stays when its maker dies. So each is named after this process (pid and
 * time of its start), and removed three times over: when it is detached, by a guard (`kernel/guard.ts`) when the process
 * ends in any way at all, and, if even the guard was killed, by the next skep that makes one.
 *
 * Source: Documentation/trace/kprobetrace.rst.
 */
import { FeatureError, NoSuchHookError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import type { Guard } from '../kernel/guard.ts';
import { PERF_SAMPLE, PERF_TYPE, perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { readText, readTextIfThere } from '../kernel/text.ts';
import { tracefsPath, tracepointId } from '../kernel/tracefs.ts';
import { explainAttach, type HookNeeds } from './attachment.ts';
import { notTraceable } from './kprobe-errors.ts';

export interface TracefsProbe {
  /** A perf event on it. */
  readonly fd: number;
  /** Removes the event. The descriptor must be closed by then. */
  remove(): void;
}

export interface TracefsProbeOptions {
  readonly return?: boolean;
  readonly offset?: number;
  readonly maxactive?: number;
}

interface State {
  readonly group: string;
  readonly guard: Guard | undefined;
  events: number;
  serial: number;
}

const states = new WeakMap<Kernel, State>();

/**
 * `$1` is the group, `$2` the folder of tracefs. The list is read to its end first: it moves as events go. What is still
 * in use is tried again for two seconds.
 */
const REMOVE_GROUP = `
events=
while read -r def _; do
  case "$def" in [pr]*:"$1"/*) events="$events \${def#*:}" ;; esac
done < "$2/kprobe_events"
for event in $events; do
  n=0
  until echo "-:$event" >> "$2/kprobe_events" || [ $n -ge 20 ]; do n=$((n + 1)); sleep 0.1; done
done`;

/** True where events can be made like this. */
export function hasTracefsProbes(kernel: Kernel): boolean {
  try {
    return kernel.exists(`${tracefsPath(kernel)}/kprobe_events`);
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

/** `target`: a function's name, 'module:function' or 0x-address. */
export function makeTracefsProbe(kernel: Kernel, target: string, options: TracefsProbeOptions, needs: HookNeeds): TracefsProbe {
  const state = stateOf(kernel, needs);
  const kind = options.return === true ? 'r' : 'p';
  const event = `${kind}_${state.serial++}_${target.replace(/[^A-Za-z0-9_]/g, '_')}`.slice(0, 63);
  const place = options.offset === undefined || options.offset === 0 ? target : `${target}+${options.offset}`;
  const active = options.return === true && options.maxactive !== undefined ? String(options.maxactive) : '';
  write(kernel, `${kind}${active}:${state.group}/${event} ${place}\n`, needs, target);
  state.events++;
  const remove = (): void => {
    removeEvent(kernel, state.group, event);
    state.events--;
    if (state.events > 0) return;
    // Nothing is left to guard; the next event gets a guard of its own.
    states.delete(kernel);
    state.guard?.release();
  };
  try {
    const id = tracepointId(kernel, state.group, event);
    if (id === undefined) throw new FeatureError('event numbers in tracefs');
    const fd = perfEventOpen(
      kernel,
      { type: PERF_TYPE.TRACEPOINT, config: id, sample_period: 1, sample_type: PERF_SAMPLE.RAW },
      { cpu: 0 },
    );
    return { fd, remove };
  } catch (error) {
    remove();
    throw explainAttach(kernel, error, needs);
  }
}

function write(kernel: Kernel, line: string, needs: HookNeeds, target: string): void {
  try {
    kernel.writeFile(`${tracefsPath(kernel)}/kprobe_events`, line, true);
  } catch (error) {
    // Since 6.7 the kernel says EINVAL also for a name it does not know.
    const unknown = (): boolean => !/^0x/.test(target) && !featuresOf(kernel).hasFunction(target.slice(target.indexOf(':') + 1));
    if (error instanceof KernelError && (error.code === 'ENOENT' || (error.code === 'EINVAL' && unknown())))
      throw new NoSuchHookError(notTraceable(needs.doing, target), [], undefined, error);
    throw explainAttach(kernel, error, needs);
  }
}

/** A perf event is freed a moment after its descriptor: until then the kernel says EBUSY. */
function removeEvent(kernel: Kernel, group: string, event: string): void {
  for (let tries = 0; ; tries++) {
    try {
      kernel.writeFile(`${tracefsPath(kernel)}/kprobe_events`, `-:${group}/${event}\n`, true);
      return;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      // Someone cleaned up all probes: that is what was wanted.
      if (error.code === 'ENOENT') return;
      if (error.code !== 'EBUSY' || tries >= 50) throw error;
      Atomics.wait(PAUSE, 0, 0, 10);
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

function stateOf(kernel: Kernel, needs: HookNeeds): State {
  let state = states.get(kernel);
  if (state === undefined) {
    let folder: string;
    try {
      folder = tracefsPath(kernel);
    } catch (error) {
      throw explainAttach(kernel, error, { ...needs, feature: 'tracefs' });
    }
    removeStaleProbes(kernel);
    const group = `skep_${ownPid(kernel)}_${startTime(kernel, 'self') ?? '0'}`;
    // A private mount has no path that another process could use: it gets the descriptor.
    const own = /^\/proc\/self\/fd\/(\d+)$/.exec(folder)?.[1];
    const guard = kernel.guard(
      REMOVE_GROUP,
      [group, own === undefined ? folder : '/proc/self/fd/3'],
      own === undefined ? undefined : Number(own),
    );
    states.set(kernel, (state = { group, guard, events: 0, serial: 0 }));
  }
  return state;
}

/** Removes the events of skep processes that are gone; gives their names. Those in use (another pid namespace) stay. */
export function removeStaleProbes(kernel: Kernel): string[] {
  const removed: string[] = [];
  for (const [, group = '', pid = '', start = '', event = ''] of readText(kernel, `${tracefsPath(kernel)}/kprobe_events`).matchAll(EVENT)) {
    if (startTime(kernel, pid) === start) continue;
    try {
      kernel.writeFile(`${tracefsPath(kernel)}/kprobe_events`, `-:${group}/${event}\n`, true);
      removed.push(`${group}/${event}`);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
  return removed;
}

const EVENT = /^[pr]\d*:(skep_(\d+)_(\d+))\/(\S+) /gm;

function ownPid(kernel: Kernel): string {
  return /^\d+/.exec(readTextIfThere(kernel, '/proc/self/stat') ?? '')?.[0] ?? String(process.pid);
}

/** Clock ticks from boot to the start of a process; undefined if it is gone. The name may hold spaces and brackets. */
function startTime(kernel: Kernel, pid: string): string | undefined {
  const text = readTextIfThere(kernel, `/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
