/** A process to be killed: kprobes by tracefs on three functions, and then it waits. */
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { loadObject } from '../../../src/link/load.ts';
import { facts, kernel } from '../kernel/support.ts';
import { countingObject } from './counting.ts';

const object = loadObject(countingObject({ type: 'kprobe' }, process.pid), kernel, { facts });
const program = object.programs.get('main');
if (program === undefined) throw new Error('not loaded');
for (const name of ['vfs_statfs', 'vfs_rename', 'vfs_mkdir']) attachKprobe(kernel, program, name, { legacy: true });
process.stdout.write('attached\n');
setInterval(() => {}, 1000);
