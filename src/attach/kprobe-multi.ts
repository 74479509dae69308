/**
 * One program on many functions at once: `kprobe.multi`, `kretprobe.multi`, `kprobe.session`.
 *
 * One link for thousands of functions, made in milliseconds, where as many kprobes take seconds. The program must be
 * loaded for it (attach type trace_kprobe_multi). Minimum kernel: 5.18, sessions 6.10; needs CAP_PERFMON and a kernel
 * with fprobe (CONFIG_FPROBE). Errors: one of the functions cannot be traced (the kernel does not say which).
 * BPF_TRACE_KPROBE_MULTI.
 */
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import type { Kernel } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, createLink } from './attachment.ts';

export interface KprobeMultiOptions {
  readonly return?: boolean;
  /** At entry and at return, with something to remember between them. */
  readonly session?: boolean;
  /** One for each function. */
  readonly cookies?: readonly bigint[];
}

const BPF_F_KPROBE_MULTI_RETURN = 1;

/** By name, or by address (for names that several functions have). */
export function attachKprobeMulti(
  kernel: Kernel,
  program: AttachableProgram,
  functions: readonly string[] | readonly bigint[],
  options: KprobeMultiOptions = {},
): Attachment {
  const kind = options.session === true ? 'kprobe.session' : options.return === true ? 'kretprobe.multi' : 'kprobe.multi';
  const target = functions.length === 1 ? String(functions[0]) : `${functions.length} functions`;
  const byName = typeof functions[0] === 'string';
  const table = byName ? pointerTable(kernel, functions as readonly string[]) : undefined;
  const addresses = byName ? undefined : new Uint8Array(BigUint64Array.from(functions as readonly bigint[]).buffer);
  const fd = createLink(
    kernel,
    'LINK_CREATE_KPROBE_MULTI',
    {
      prog_fd: program.fd,
      attach_type: options.session === true ? ATTACH_TYPE.trace_kprobe_session : ATTACH_TYPE.trace_kprobe_multi,
      kprobe_flags: options.return === true ? BPF_F_KPROBE_MULTI_RETURN : 0,
      cnt: functions.length,
      ...(table === undefined ? {} : { syms: table.pointers }),
      ...(addresses === undefined ? {} : { addrs: addresses }),
      ...(options.cookies === undefined ? {} : { cookies: new Uint8Array(BigUint64Array.from(options.cookies).buffer) }),
    },
    {
      doing: `attaching '${program.name}' to ${kind} ${target}`,
      capabilities: ['CAP_PERFMON'],
      lockedBy: 'confidentiality',
      feature: 'kprobe.multi links',
      config: 'CONFIG_FPROBE',
      minKernel: options.session === true ? '6.10' : '5.18',
      meanings: {
        ESRCH: 'one of the functions does not exist or cannot be traced',
        EINVAL: 'the program was not loaded for kprobe.multi, or this kernel cannot do it',
        E2BIG: 'too many functions',
      },
    },
  );
  // The names must be there until the call has ended.
  table?.keep();
  return attachment(kernel, { kind, target, program, via: 'link', fds: [fd], places: functions.length });
}

/** `const char *[]`: the addresses of strings that lie behind each other in one buffer. */
export function pointerTable(kernel: Kernel, names: readonly string[]): { readonly pointers: Uint8Array; keep(): void } {
  const text = new TextEncoder().encode(names.map((name) => `${name}\0`).join(''));
  const strings = new Uint8Array(new ArrayBuffer(text.length));
  strings.set(text);
  const base = kernel.addressOf(strings);
  const pointers = new BigUint64Array(names.length);
  let at = 0;
  for (const [i, name] of names.entries()) {
    pointers[i] = base + BigInt(at);
    at += Buffer.byteLength(name) + 1;
  }
  return { pointers: new Uint8Array(pointers.buffer), keep: () => void strings.length };
}
