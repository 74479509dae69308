/**
 * The places of a pattern, for tools that count calls: one program hangs on all of them, and its attach cookie says at
 * which it is (Linux 5.15).
 *
 *   'vfs_*' ─▶ functions of the kernel that can be probed      'c:mem*'  ─▶ functions of a library
 *   't:block:*' ─▶ tracepoints                                 'u:c:*'   ─▶ USDT probes
 */
import { BPF } from '../../bcc/bpf.ts';
import { userFunctions } from '../../bcc/uprobes.ts';
import { USDT } from '../../bcc/usdt.ts';
import { NoSuchHookError } from '../../kernel/errors.ts';
import { Binary } from '../../symbols/binary.ts';
import { findBinary } from '../../symbols/find-binary.ts';
import type { Pattern } from '../language/pattern.ts';

export interface Places {
  /** A name for each place; its index is the cookie. */
  readonly names: readonly string[];
  /** Whether the program runs in the context of a tracepoint. */
  readonly tracepoints: boolean;
  attach(bpf: BPF, program: string): void;
}

/** Throws `NoSuchHookError` where nothing matches. */
export function placesOf(pattern: Pattern, text: string, pid: number | undefined): Places {
  const places = find(pattern, pid);
  if (places.names.length === 0) throw new NoSuchHookError(`no functions matched by pattern ${text}`);
  return places;
}

function find({ probe, matches, exact }: Pattern, pid: number | undefined): Places {
  const { kind, library, category, provider } = probe;
  const cookies = (names: readonly string[]) => names.map((_, i) => BigInt(i));
  if (kind === 't') {
    // Its own characters mean nothing else: only '*' is a pattern's.
    const group = new RegExp(`^${category.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
    const names = BPF.getTracepoints(/.*/).filter((name) => {
      const colon = name.indexOf(':');
      return group.test(name.slice(0, colon)) && matches.test(name.slice(colon + 1));
    });
    const attach = (bpf: BPF, program: string): void => {
      for (const [i, name] of names.entries()) bpf.attachTracepoint(name, program, { cookie: BigInt(i) });
    };
    return { names, tracepoints: true, attach };
  }
  if (kind === 'u') {
    const found = new USDT({ path: library, ...(pid === undefined ? {} : { pid }) }).probes.filter(
      (known) => (provider === '' || known.provider === provider) && matches.test(known.name),
    );
    const attach = (bpf: BPF, program: string): void => {
      for (const [i, { locations }] of found.entries())
        for (const { path, offset, semaphore } of locations)
          bpf.attachUprobe({ path, offset, ...(semaphore === undefined ? {} : { refCounter: semaphore }) }, program, {
            cookie: BigInt(i),
            ...(pid === undefined ? {} : { pid }),
          });
    };
    return { names: found.map(({ name }) => name), tracepoints: false, attach };
  }
  if (library !== '') {
    using binary = new Binary(findBinary(library, pid));
    const { path } = binary;
    const functions = [...userFunctions(binary, new RegExp(`${matches.source}.*`))].filter(({ name }) => matches.test(name));
    // Why a name is none that can be counted, and what is near it.
    if (functions.length === 0 && exact) binary.function(probe.name);
    const attach = (bpf: BPF, program: string): void =>
      void bpf.attachUprobe({ path, offsets: functions.map(({ offset }) => offset) }, program, {
        cookies: cookies(functions.map(({ name }) => name)),
        ...(pid === undefined ? {} : { pid }),
      });
    return { names: functions.map(({ name }) => name), tracepoints: false, attach };
  }
  const names = BPF.getKprobeFunctions(/.*/).filter((name) => matches.test(name));
  // Some may be gone with their module by then.
  const attach = (bpf: BPF, program: string): void => void bpf.attachKprobe(names, program, { cookies: cookies(names), skipMissing: true });
  return { names, tracepoints: false, attach };
}
