/**
 * Files of the built tree in one process.
 *
 *   node group-here.js pure/isa/encode …
 *   node --import watch-descriptors.js group-here.js --kernel host/link/load …
 */
import { runGroup } from './group.ts';

const files = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(`../${file}.test.js`);
if (files[0] === '--kernel') {
  const { runKernelGroup } = await import('./kernel-group.ts');
  await runKernelGroup(load, files.slice(1));
} else await runGroup(load, files);
