/**
 * Test runs: a program run by the kernel on data of the caller, without attaching it anywhere (BPF_PROG_TEST_RUN).
 *
 * Minimum kernel: 4.12 for packets (socket filters, tc, xdp), 5.4 with a context, 5.10 raw tracepoints, 5.12 sk_lookup,
 * 5.14 syscall programs. Which kinds take data and which a context differs by program type. Needs CAP_BPF, and
 * CAP_NET_ADMIN for network types.
 */
import { attrLayout, BPF_CMD, encodeAttr } from '../kernel/bpf-attr.ts';
import { UsageError, UserError } from '../kernel/errors.ts';
import { decode } from '../kernel/layout.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, explainAttach } from './attachment.ts';

export interface TestRunOptions {
  /** The packet. Ethernet's 14 bytes come first. */
  readonly data?: Uint8Array;
  /** The context (`struct __sk_buff`, arguments of a raw tracepoint, …). */
  readonly ctx?: Uint8Array;
  /** Give back the context as the program left it. Only network types can. */
  readonly ctxOutput?: boolean;
  /**
   * How many times, 1 to 2147483647; the time is the mean. A signal to this process ends the runs early, which is an
   * error: the kernel does not tell how many were done.
   */
  readonly repeat?: number;
  /** Room for the packet that comes out; as large as the one that goes in, and some, without. */
  readonly outputSize?: number;
  readonly flags?: number;
  /** With flag 1 (run on this CPU): which. */
  readonly cpu?: number;
}

export interface TestRun {
  /** What the program returned, as an unsigned 32-bit number. */
  readonly result: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** Nanoseconds of one run. */
  readonly duration: number;
}

const HEADROOM = 256;
const MOST_RUNS = 2 ** 31 - 1;

export function testRun(kernel: Kernel, program: AttachableProgram, options: TestRunOptions = {}): TestRun {
  const { data, ctx, repeat } = options;
  if (repeat !== undefined && (!Number.isInteger(repeat) || repeat < 1 || repeat > MOST_RUNS))
    throw new UsageError(`test run of '${program.name}': repeat is 1 to ${MOST_RUNS}, not ${repeat}`);
  for (const [name, given] of [['data', data] as const, ['ctx', ctx] as const])
    if (given !== undefined && !(given instanceof Uint8Array))
      throw new UsageError(`test run of '${program.name}': ${name} is bytes (a Uint8Array, a Buffer)`);
  const dataOut =
    data === undefined && options.outputSize === undefined
      ? undefined
      : new Uint8Array(options.outputSize ?? (data?.length ?? 0) + HEADROOM);
  const ctxOut = ctx === undefined || options.ctxOutput !== true ? undefined : new Uint8Array(ctx.length);
  const attr = encodeAttr(kernel, 'PROG_TEST_RUN', {
    prog_fd: program.fd,
    repeat: repeat ?? 0,
    flags: options.flags ?? 0,
    cpu: options.cpu ?? 0,
    ...(data === undefined ? {} : { data_in: data, data_size_in: data.length }),
    ...(dataOut === undefined ? {} : { data_out: dataOut, data_size_out: dataOut.length }),
    ...(ctx === undefined ? {} : { ctx_in: ctx, ctx_size_in: ctx.length }),
    ...(ctxOut === undefined ? {} : { ctx_out: ctxOut, ctx_size_out: ctxOut.length }),
  });
  try {
    kernel.bpf(BPF_CMD.PROG_TEST_RUN, attr);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'EINTR')
      throw new UserError(
        `test run of '${program.name}': a signal ended it after some of the ${repeat ?? 1} runs; the kernel does not tell how many`,
        'ask for fewer runs at a time, or keep signals away meanwhile',
        error,
      );
    throw explainAttach(kernel, error, {
      doing: `test run of '${program.name}'`,
      capabilities: ['CAP_BPF', 'CAP_NET_ADMIN'],
      feature: 'test runs of this program type',
      minKernel: '4.12',
      meanings: {
        EINVAL: 'the data or context is not what this program type takes (a packet has at least 14 bytes)',
        ENOTSUPP: 'programs of this type have no test runs',
        EOPNOTSUPP: 'programs of this type have no test runs',
        ENOSPC: 'the packet that came out is larger than `outputSize`',
      },
    });
  }
  const answer = decode(attrLayout('PROG_TEST_RUN'), attr);
  return {
    result: answer.retval,
    duration: answer.duration,
    data: (dataOut ?? new Uint8Array(0)).subarray(0, answer.data_size_out),
    ctx: (ctxOut ?? new Uint8Array(0)).subarray(0, answer.ctx_size_out),
  };
}
