/** exitsnoop: which processes end, after how long, and why? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, PPID, TID, TIME, UID } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { signalName } from './parts/signals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct event {
    u64 ts;
    u64 start;
    u32 pid;
    u32 tid;
    u32 ppid;
    u32 uid;
    /* As wait(2) has it: the code in the second byte; the signal in the first, with 0x80 for a core dump. */
    u32 status;
    char comm[TASK_COMM_LEN];
};

BPF_RINGBUF_OUTPUT(events, 64);

TRACEPOINT_PROBE(sched, sched_process_exit)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 id = bpf_get_current_pid_tgid();
    struct event e = {};

    if (filtered())
        return 0;
#ifndef EACH_THREAD
    if (id >> 32 != (u32)id)
        return 0;
#endif
    e.status = task->exit_code;
#ifdef FAILED_ONLY
    if (e.status == 0)
        return 0;
#endif
    e.ts = bpf_ktime_get_ns();
    e.start = task->start_time;
    e.pid = id >> 32;
    e.tid = id;
    e.ppid = task->real_parent->tgid;
    e.uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}
`;

interface Exit {
  readonly ts: bigint;
  readonly start: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly status: number;
  readonly comm: string;
}

const age = (e: Exit): number => Number(e.ts - e.start) / 1e9;

/** '0', 'code 3', 'signal 9 (SIGKILL)', 'signal 6 (SIGABRT), core dumped ' */
function reason({ status }: Exit): string {
  const low = status & 0xff;
  const code = status >>> 8;
  if (low === 0) return code === 0 ? '0' : `code ${code}`;
  const signal = low & 0x7f;
  return `${signal === 0 ? '' : `signal ${signal} (${signalName(signal)})`}${(low & 0x80) === 0 ? '' : ', core dumped '}`;
}

const MS_DIGITS = 12;

/** '13:04:05.250' */
function timeText(ms: number, utc: boolean): string {
  const iso = utc ? new Date(ms) : new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return iso.toISOString().slice(11, 11 + MS_DIGITS);
}

function zone(utc: boolean): string {
  if (utc) return 'UTC';
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(new Date());
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'local';
}

export const tool = defineTool({
  name: 'exitsnoop',
  topic: 'processes',
  summary: 'Trace all process termination (exit, fatal signal)',
  about:
    'Prints a line for each process that ends: its age, and the code it gave to exit() or the signal that ended it. A ' +
    'process counts as ended when its first thread ends; with --per-thread every thread has a line.',
  flags: {
    timestamp: { type: 'boolean', short: 't', help: 'print a column with the time of day' },
    utc: { type: 'boolean', help: 'that time in UTC (implies -t)' },
    pid: PID_FLAG,
    label: { type: 'string', value: 'LABEL', help: 'print this text in each line' },
    failed: { type: 'boolean', short: 'x', help: 'only those that do not end with 0' },
    'per-thread': { type: 'boolean', help: 'a line for each thread' },
  },
  positionals: [],
  examples: [
    { command: 'exitsnoop', help: 'all that end' },
    { command: 'exitsnoop -x', help: 'only those that fail or are killed' },
    { command: 'exitsnoop -t --utc', help: 'with time in UTC' },
    { command: 'exitsnoop -p 181', help: 'only process 181' },
    { command: 'exitsnoop --label web1', help: '"web1" in each line, to tell outputs of machines apart' },
    { command: 'exitsnoop --per-thread', help: 'a line for each thread' },
    { command: 'exitsnoop --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    COMM,
    PID,
    PPID,
    TID,
    UID,
    { name: 'age', type: 'number', help: 'seconds since the process, or the thread, began' },
    { name: 'code', type: 'integer', help: 'what it gave to exit()' },
    { name: 'signal', type: 'integer', help: 'number of the signal that ended it; 0 if none did' },
    { name: 'signal_name', type: 'string', help: 'its name; only where there was one' },
    { name: 'core_dumped', type: 'boolean', help: 'whether a core was dumped' },
    { name: 'label', type: 'string', help: 'the text of --label; only with it' },
  ],
  probes: [{ kind: 'tracepoint', targets: ['sched:sched_process_exit'], minKernel: '5.8' }],
  program: (options) => program({ ...filters(options), EACH_THREAD: options['per-thread'], FAILED_ONLY: options.failed }, FILTER, PROGRAM),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const { label, utc } = options;
    const columns = new Columns<Exit>([
      (options.timestamp || utc) && { head: `TIME-${zone(utc)}`, format: '%-13s', value: (e) => timeText(clock.wall(e.ts), utc) },
      label !== undefined && { head: 'LABEL', format: '%-6s', value: () => label },
      { head: 'PCOMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'PPID', format: '%-7d ', value: (e) => e.ppid },
      { head: 'TID', format: '%-7d ', value: (e) => e.tid },
      { head: 'AGE(s)', format: '%-7.2f ', value: age },
      { head: 'EXIT_CODE', format: '%s', value: reason },
    ]);
    // BCC's head of the last column is padded, its rows are not.
    out.line(`${columns.header} `);
    await events<Exit>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => {
        const signal = e.status & 0x7f;
        return {
          time: clock.iso(e.ts),
          comm: e.comm,
          pid: e.pid,
          ppid: e.ppid,
          tid: e.tid,
          uid: e.uid,
          age: age(e),
          code: (e.status >>> 8) & 0xff,
          signal,
          ...(signal === 0 ? {} : { signal_name: signalName(signal) }),
          core_dumped: (e.status & 0x80) !== 0,
          ...(label === undefined ? {} : { label }),
        };
      });
    });
  },
});
