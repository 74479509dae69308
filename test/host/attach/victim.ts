/** A process to be killed: loads and attaches, says the ids of what it made, and waits. */
import { attachTracepoint } from '../../../src/attach/tracepoint.ts';
import { linkInfo, mapInfo, progInfo } from '../../../src/kernel/obj-info.ts';
import { loadObject } from '../../../src/link/load.ts';
import { facts, kernel } from '../kernel/support.ts';
import { countingObject } from './counting.ts';

const object = loadObject(countingObject({ type: 'tracepoint' }, process.pid), kernel, { facts });
const program = object.programs.get('main');
if (program === undefined) throw new Error('not loaded');
const attached = attachTracepoint(kernel, program, 'sched:sched_switch');
const ids = {
  program: progInfo(kernel, program.fd).id,
  map: mapInfo(kernel, object.mapFd('t_array')).id,
  link: linkInfo(kernel, attached.fd, 'any').id,
};
process.stdout.write(`${JSON.stringify(ids)}\n`);
setInterval(() => {}, 1000);
