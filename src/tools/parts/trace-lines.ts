/** The lines of `trace`: an event of any probe as text and as a record for JSON. */
import type { BPF } from '../../bcc/bpf.ts';
import { type Column, Columns } from '../../render/columns.ts';
import { type PrintfArg, printf } from '../../render/printf.ts';
import { safe } from '../../render/safe.ts';
import { EventClock } from '../../render/time.ts';
import type { TraceProbe } from '../language/trace-program.ts';

/** What every record holds, and then the values: v0, v1, … */
export interface TraceEvent {
  readonly time: bigint;
  readonly number: number;
  readonly tgid: number;
  readonly pid: number;
  readonly cpu: number;
  readonly kernel_stack: number;
  readonly user_stack: number;
  readonly comm: string;
  readonly [value: `v${number}`]: string | number | bigint;
}

export interface TraceLineOptions {
  readonly timestamp: boolean;
  readonly unix: boolean;
  readonly timeOfDay: boolean;
  readonly cpu: boolean;
  readonly kernelStack: boolean;
  readonly userStack: boolean;
  /** Addresses in stacks. */
  readonly address: boolean;
  /** Only names of processes that contain this. */
  readonly name: string | undefined;
  /** Only messages that contain this. */
  readonly message: string | undefined;
}

export interface TraceLine {
  /** Several lines, if there are stacks. */
  readonly text: string;
  readonly record: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly event: TraceEvent;
  readonly name: string;
}

export class TraceLines {
  readonly header: string;
  private readonly bpf: BPF;
  private readonly probes: readonly TraceProbe[];
  private readonly options: TraceLineOptions;
  private readonly clock = new EventClock();
  private readonly columns: Columns<Row>;

  constructor(bpf: BPF, probes: readonly TraceProbe[], options: TraceLineOptions) {
    this.bpf = bpf;
    this.probes = probes;
    this.options = options;
    this.columns = new Columns<Row>([
      this.timeColumn(),
      options.cpu && { head: 'CPU', format: '%-3s ', value: ({ event }) => event.cpu },
      { head: 'PID', format: '%-7d ', value: ({ event }) => event.tgid },
      { head: 'TID', format: '%-7d ', value: ({ event }) => event.pid },
      { head: 'COMM', format: '%-15s ', value: ({ event }) => event.comm },
      { head: 'FUNC', format: '%-16s ', value: ({ name }) => name },
      // What stands under it is behind the columns: the words of the user's own format are shown as they are.
      { head: probes.some(({ spec }) => spec.format !== undefined) ? '-' : '', format: '%s', value: () => '' },
    ]);
    this.header = this.columns.header;
  }

  private timeColumn(): Column<Row> | false {
    const { timestamp, unix, timeOfDay } = this.options;
    if (timeOfDay) return { head: 'TIME', format: unix ? '%-17.17s ' : '%-8.8s ', value: ({ event }) => this.clock.text(event.time) };
    if (!timestamp) return false;
    return unix
      ? { head: 'TIME', format: '%-17.17s ', value: ({ event }) => (this.clock.wall(event.time) / 1000).toFixed(6) }
      : { head: 'TIME', format: '%-8.8s ', value: ({ event }) => this.clock.sinceFirst(event.time).toFixed(6) };
  }

  /** Undefined: the event is not wanted. */
  line(event: TraceEvent): TraceLine | undefined {
    const { options } = this;
    if (options.name !== undefined && !event.comm.includes(options.name)) return undefined;
    const probe = this.probes[event.number - 1];
    if (!probe) return undefined;
    const values = this.valuesOf(event, probe);
    const message =
      probe.spec.format === undefined
        ? ''
        : printf(probe.spec.format, ...values.map((value, i) => shown(value, probe.spec.conversions[i]?.letters)));
    if (options.message !== undefined && !message.includes(options.message)) return undefined;
    const name = probe.spec.probe.name;
    const kernel = options.kernelStack ? this.bpf.kernelStack('stacks', event.kernel_stack) : undefined;
    const user = options.userStack ? this.bpf.userStack('stacks', event.user_stack, event.tgid) : undefined;
    const lines = [`${this.columns.row({ event, name })}${message}`];
    for (const stack of [kernel, user]) {
      if (!stack) continue;
      const names = stack.names({ showModule: true, showOffset: true });
      lines.push(...names.map((text, i) => `        ${options.address ? printf('%16x ', stack.frames[i]?.address ?? 0n) : ''}${text}`));
    }
    if (kernel || user) lines.push('');
    return {
      text: lines.join('\n'),
      record: {
        time: this.clock.iso(event.time),
        pid: event.tgid,
        tid: event.pid,
        comm: event.comm,
        cpu: event.cpu,
        function: name,
        ...(probe.spec.format === undefined ? {} : { message, values }),
        ...(kernel ? { kernel_stack: kernel.names({ showOffset: true }) } : {}),
        ...(user ? { user_stack: user.names({ showOffset: true, showModule: true }) } : {}),
      },
    };
  }

  private valuesOf(event: TraceEvent, { spec }: TraceProbe): PrintfArg[] {
    return spec.conversions.map(({ letters }, i) => {
      const value = event[`v${i}`] ?? 0;
      if (letters === 'K') return safe(this.bpf.ksym(BigInt(value), { showOffset: true }));
      if (letters === 'U') return safe(this.bpf.sym(BigInt(value), event.tgid, { showModule: true, showOffset: true }));
      return typeof value === 'string' && letters === 's' ? safe(value) : value;
    });
  }
}

/** A character is traced data, too, and may be one that a terminal obeys. */
function shown(value: PrintfArg, letters: string | undefined): PrintfArg {
  return letters === 'c' && typeof value !== 'string' ? safe(String.fromCharCode(Number(value) & 0xff)) : value;
}
