/**
 * cachestat: are files read from memory or from disks?
 *
 *   a page is used      folio_mark_accessed     ─┐ less those that were written to (mark_buffer_dirty) ─▶ total
 *   a page comes in     filemap_add_folio       ─┐ less those that come in to be written (dirtied)     ─▶ misses
 *                                                └▶ hits = total - misses
 *
 * An estimate, as in BCC: read-ahead brings in pages that nobody asked for yet, and then there are more misses than uses.
 */

import { linuxKernel } from '../kernel/linux.ts';
import { readText } from '../kernel/text.ts';
import { Columns } from '../render/columns.ts';
import { clockText } from '../render/time.ts';
import { countedFunctions } from './parts/counted-functions.ts';
import { FILTER, filters } from './parts/filter.ts';
import { EVERY_SECOND, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const COUNTED = countedFunctions([
  { name: 'accessed', functions: ['folio_mark_accessed', 'mark_page_accessed'] },
  { name: 'added', functions: ['filemap_add_folio', 'add_to_page_cache_lru'] },
  { name: 'buffersDirtied', functions: ['mark_buffer_dirty'] },
  { name: 'dirtied', functions: [], tracepoint: 'writeback:writeback_dirty_folio' },
]);

interface Row {
  readonly time: Date;
  readonly hits: number;
  readonly misses: number;
  readonly dirties: number;
  readonly ratio: number;
  readonly buffersMb: number;
  readonly cachedMb: number;
}

const columns = (timestamp: boolean) =>
  new Columns<Row>([
    timestamp && { head: 'TIME', format: '%-8s ', value: (r) => clockText(r.time.getTime()) },
    { head: 'HITS', format: '%8d ', value: (r) => r.hits },
    { head: 'MISSES', format: '%8d ', value: (r) => r.misses },
    { head: 'DIRTIES', format: '%8d ', value: (r) => r.dirties },
    { head: 'HITRATIO', format: '%8s ', value: (r) => `${r.ratio.toFixed(2)}%` },
    { head: 'BUFFERS_MB', format: '%12.0f ', value: (r) => r.buffersMb },
    { head: 'CACHED_MB', format: '%10.0f', value: (r) => r.cachedMb },
  ]);

function rowOf(counts: ReadonlyMap<string, number>): Row {
  const of = (name: string): number => counts.get(name) ?? 0;
  const dirties = of('buffersDirtied');
  const total = Math.max(0, of('accessed') - dirties);
  const misses = Math.min(total, Math.max(0, of('added') - of('dirtied')));
  const hits = total - misses;
  const memory = readText(linuxKernel(), '/proc/meminfo');
  const megabytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(memory)?.[1] ?? 0) / 1024;
  return {
    time: new Date(),
    hits,
    misses,
    dirties,
    ratio: total === 0 ? 0 : (100 * hits) / total,
    buffersMb: megabytes('Buffers'),
    cachedMb: megabytes('Cached'),
  };
}

export const tool = defineTool({
  name: 'cachestat',
  topic: 'memory',
  summary: 'Statistics for linux page cache hit/miss ratios',
  about:
    'Counts how often pages of files were found in memory (hits) and how often they had to be brought in (misses), and ' +
    'prints both every second. The numbers are derived from calls of four functions and are an estimate: pages that are ' +
    'read ahead count as misses.',
  flags: {
    timestamp: { type: 'boolean', short: 'T', help: 'the time in each line' },
    pid: { type: 'pid', short: 'p', help: 'only what this process does' },
  },
  positionals: EVERY_SECOND,
  examples: [
    { command: 'cachestat', help: 'once a second' },
    { command: 'cachestat -T', help: 'with the time' },
    { command: 'cachestat 5 10', help: 'every five seconds, ten times' },
    { command: 'cachestat --json 5', help: 'a JSON line every five seconds' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'hits', type: 'integer', help: 'pages found in memory' },
    { name: 'misses', type: 'integer', help: 'pages that were brought in' },
    { name: 'dirties', type: 'integer', help: 'buffers that were written to' },
    { name: 'hit_percent', type: 'number', help: 'hits of hits and misses together' },
    { name: 'buffers_mb', type: 'number', help: 'memory in buffers of block devices' },
    { name: 'cached_mb', type: 'number', help: 'memory in the page cache' },
  ],
  probes: COUNTED.probes,
  program: (options, _args, choice) => program(filters(options), FILTER, COUNTED.program(choice)),
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    const table = columns(options.timestamp);
    out.line(table.header);
    const take = COUNTED.reader(bpf);
    for await (const _ of roundsOf({ args, rounds })) {
      out.row(table, rowOf(take()), (row) => ({
        time: row.time.toISOString(),
        hits: row.hits,
        misses: row.misses,
        dirties: row.dirties,
        hit_percent: row.ratio,
        buffers_mb: row.buffersMb,
        cached_mb: row.cachedMb,
      }));
    }
    out.line('Detaching...');
  },
});
