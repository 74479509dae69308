/**
 * A process to be killed: loads, attaches, reads and closes, again and again, and says what it has done. It compiles
 * nothing: a compiler takes longer to warm up in a guest than all else together.
 */
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { attachTracepoint } from '../../../src/attach/tracepoint.ts';
import { openTraceBuffer } from '../../../src/kernel/trace-instance.ts';
import { loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { countingObject } from '../attach/counting.ts';
import { facts, kernel } from '../kernel/support.ts';

const said = (stage: string): void => void process.stdout.write(`${stage}\n`);

for (;;) {
  said('opened');
  const onTracepoint = loadObject(countingObject({ type: 'tracepoint' }, process.pid), kernel, { facts });
  const onFunctions = loadObject(countingObject({ type: 'kprobe' }, process.pid), kernel, { facts });
  said('loaded');
  const a = onTracepoint.programs.get('main');
  const b = onFunctions.programs.get('main');
  const map = onTracepoint.maps.get('t_array');
  if (!a || !b || !map) throw new Error('not loaded');
  const attached = [
    attachTracepoint(kernel, a, 'raw_syscalls:sys_enter'),
    attachKprobe(kernel, b, 'vfs_mkdir'),
    attachKprobe(kernel, b, 'vfs_statfs', { legacy: true }),
    attachKprobe(kernel, b, 'vfs_rename', { return: true, maxactive: 4 }),
  ];
  const trace = openTraceBuffer(kernel, { private: true });
  said('attached');
  const counts = new ArrayMap<bigint>(map, kernel, {});
  while ((counts.get(0) ?? 0n) < 200n) await new Promise((resolve) => setTimeout(resolve, 5));
  said('read');
  trace.close();
  for (const one of attached) one.detach();
  onTracepoint.close();
  onFunctions.close();
  said('closed');
}
