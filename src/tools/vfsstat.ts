/** vfsstat: how often are files read, written, opened, made and removed? */
import { printf } from '../render/printf.ts';
import { clockText } from '../render/time.ts';
import { countedFunctions } from './parts/counted-functions.ts';
import { FILTER, filters } from './parts/filter.ts';
import { EVERY_SECOND, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const CALLS = [
  { name: 'read', functions: ['vfs_read'] },
  { name: 'write', functions: ['vfs_write'] },
  { name: 'fsync', functions: ['vfs_fsync_range'] },
  { name: 'open', functions: ['vfs_open'] },
  { name: 'create', functions: ['vfs_create'] },
  { name: 'unlink', functions: ['vfs_unlink'] },
  { name: 'mkdir', functions: ['vfs_mkdir'] },
  { name: 'rmdir', functions: ['vfs_rmdir'] },
] as const;

const COUNTED = countedFunctions(CALLS);

export const tool = defineTool({
  name: 'vfsstat',
  topic: 'files',
  summary: 'Statistics for some common VFS calls',
  about:
    "Counts calls of the kernel's virtual file system, whatever file system lies below, and prints them as rates, every " +
    'second if nothing else is said. Reads and writes through io_uring, splice and mmap do not go this way.',
  flags: { pid: { type: 'pid', short: 'p', help: 'only this process' } },
  positionals: EVERY_SECOND,
  examples: [
    { command: 'vfsstat', help: 'once a second' },
    { command: 'vfsstat -p 185', help: 'process 185 alone' },
    { command: 'vfsstat 2 5', help: 'every two seconds, five times' },
    { command: 'vfsstat --json 10', help: 'a JSON line every ten seconds' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'seconds', type: 'number', help: 'how long was counted' },
    ...CALLS.map(({ name }) => ({ name, type: 'integer' as const, help: `calls of ${name} in that time (not a rate)` })),
  ],
  probes: COUNTED.probes,
  program: (options, _args, choice) => program(filters(options), FILTER, COUNTED.program(choice)),
  async run({ args, out, load, rounds }) {
    const bpf = await load();
    out.line(printf('%-8s  ', 'TIME') + CALLS.map(({ name }) => printf(' %8s', `${name.toUpperCase()}/s`)).join(''));
    const take = COUNTED.reader(bpf);
    for await (const { seconds } of roundsOf({ args, rounds })) {
      const now = new Date();
      const counts = take();
      const rates = CALLS.map(({ name }) => printf(' %8d', Math.round((counts.get(name) ?? 0) / seconds)));
      const text = printf('%-8s: ', clockText(now.getTime())) + rates.join('');
      out.record({ time: now.toISOString(), seconds: Number(seconds.toFixed(3)), ...Object.fromEntries(counts) }, text);
    }
  },
});
