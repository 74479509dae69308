/**
 * Probes in user space by name: which file, which places in it, one link or a probe each.
 *
 *   { name: 'c', sym: 'malloc' }             a function of a library      ─▶ file + offset
 *   { name: '/bin/bash', symRe: /^readline/} all that match               ─▶ file + offsets, each place once
 *   { name: './a.out', addr: 0x401136n }     an address, as the file's symbol table has it
 *
 * Several places become one `uprobe.multi` link where the kernel has it (Linux 6.6), else as many probes.
 */
import { type Attachment, together } from '../attach/attachment.ts';
import { attachUprobe, attachUprobeMulti, type UprobeOptions, type UprobeTarget } from '../attach/uprobe.ts';
import { NoSuchHookError, UsageError, UserError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import type { Kernel } from '../kernel/port.ts';
import type { LoadedProgram } from '../link/load.ts';
import { Binary, type BinaryFunction } from '../symbols/binary.ts';
import { findBinary } from '../symbols/find-binary.ts';
import { matchesWhole, probeLimit } from './kernel-queries.ts';

/** A place in user space, as `attachUprobe` takes it. One of `sym`, `symRe` and `addr` is needed. */
export interface UprobePlace {
  /** A path, a library ('c', 'libc', 'libc.so.6') or a command on the PATH. */
  readonly name: string;
  /** A function by its exact name; of C++ and Rust also as it is written in the source. */
  readonly sym?: string;
  /** Functions that the pattern matches as a whole; those at one address count once. */
  readonly symRe?: RegExp;
  /** A virtual address, as the file's symbol table has it. */
  readonly addr?: bigint | number;
  /** Bytes behind the function's start. */
  readonly symOff?: number;
  /** Only this process; names are looked up as it sees files. All processes without. */
  readonly pid?: number;
}

/** Several places of one file, by their offsets in it. */
export interface UprobeOffsets {
  readonly path: string;
  readonly offsets: readonly bigint[];
}

export interface UserPlaces {
  readonly path: string;
  readonly offsets: readonly bigint[];
  /** In the words of the one who asked. */
  readonly label: string;
}

/** Throws `UsageError` for an object that says no place. */
export function checkPlace(place: Partial<UprobePlace & UprobeTarget & UprobeOffsets>): void {
  const { name, path, offset, offsets } = place;
  const inFile = typeof offset === 'bigint' || (Array.isArray(offsets) && offsets.every((one) => typeof one === 'bigint'));
  if (typeof name === 'string' ? path === undefined : typeof path === 'string' && inFile) return;
  throw new UsageError(
    "a probe in user space needs a place: 'name' (a path, a library, a command) with 'sym', 'symRe' or 'addr', or 'path' with 'offset' or 'offsets' (bigint)",
  );
}

/** Throws `UsageError`: no such file, function or address. */
export function userPlaces(place: UprobePlace): UserPlaces {
  const { sym, symRe, addr, symOff = 0 } = place;
  if ([sym, symRe, addr].filter((given) => given !== undefined).length !== 1)
    throw new UsageError(`a probe in ${place.name} needs one of 'sym', 'symRe' and 'addr'`);
  const whole = typeof addr === 'bigint' || Number.isSafeInteger(addr);
  if (!(typeof sym === 'string' || symRe instanceof RegExp || (addr !== undefined && whole)) || !Number.isSafeInteger(symOff))
    throw new UsageError(`a probe in ${place.name}: 'sym' is a text, 'symRe' a RegExp, 'addr' and 'symOff' whole numbers`);
  using binary = new Binary(findBinary(place.name, place.pid));
  const { path, name } = binary;
  if (sym !== undefined) {
    const found = binary.function(sym);
    const plus = symOff === 0 ? '' : `+0x${symOff.toString(16)}`;
    return { path, offsets: [binary.offsetOf(found.address + BigInt(symOff))], label: `${name}:${sym}${plus}` };
  }
  if (addr !== undefined) {
    const address = BigInt(addr) + BigInt(symOff);
    return { path, offsets: [binary.offsetOf(address)], label: `${name}:0x${address.toString(16)}` };
  }
  const functions = [...userFunctions(binary, symRe as RegExp)];
  if (functions.length === 0) throw new NoSuchHookError(`no function of ${name} matches ${symRe}`);
  return { path, offsets: functions.map((f) => f.offset), label: `${name} (${functions.length} functions)` };
}

/** Functions that the pattern matches as a whole, one for each address. */
export function* userFunctions(binary: Binary, pattern: RegExp): Generator<BinaryFunction, void, undefined> {
  const seen = new Set<bigint>();
  for (const found of binary.functions()) {
    if (seen.has(found.offset) || !matchesWhole(pattern, found.name)) continue;
    seen.add(found.offset);
    yield found;
  }
}

/** How a program gets loaded: for one place, or for a `uprobe.multi` link. */
export type LoadUprobe = (multi: boolean) => LoadedProgram;

export interface PlacesOptions extends UprobeOptions {
  /** With `UprobeOffsets`: for each of them, what bpf_get_attach_cookie() gives the program there. Linux 5.15. */
  readonly cookies?: readonly bigint[];
  /** Most probes set one by one where the kernel has no uprobe.multi. */
  readonly limit?: number;
  /** One place that cannot be probed is an error, also of several. */
  readonly all?: boolean;
}

/**
 * One program on places of one file. Of several, single ones may fail (an instruction that cannot be probed); only if all
 * do, that is an error. Throws `UsageError` when they are more than `limit` (1000, or BCC_PROBE_LIMIT) and the kernel has
 * no link for many.
 */
export function attachPlaces(
  kernel: Kernel,
  load: LoadUprobe,
  path: string,
  places: readonly (Omit<UprobeTarget, 'path'> & { readonly cookie?: bigint })[],
  label: string,
  options: PlacesOptions = {},
): Attachment {
  const kind = options.return === true ? 'uretprobe' : 'uprobe';
  if (places.length > 1 && featuresOf(kernel).uprobeMulti) {
    const cookies = places.some((p) => p.cookie !== undefined) ? { cookies: places.map((p) => p.cookie ?? 0n) } : {};
    try {
      return attachUprobeMulti(kernel, load(true), path, places, { ...options, ...cookies, label });
    } catch (error) {
      // One place that cannot be probed spoils the link. Anything else fails again below.
      if (!(error instanceof UserError)) throw error;
    }
  }
  const program = load(false);
  const limit = options.limit ?? probeLimit();
  if (places.length > limit)
    throw new UsageError(
      `attaching '${program.name}': ${places.length} functions match, ${limit} is the limit`,
      [],
      'make the pattern narrower',
    );
  const parts: Attachment[] = [];
  let failed: unknown;
  for (const { cookie = options.cookie, ...place } of places) {
    const own = { ...options, ...(cookie === undefined ? {} : { cookie }), label };
    try {
      parts.push(attachUprobe(kernel, program, { path, ...place }, own));
    } catch (error) {
      failed ??= error;
      if (!(error instanceof UserError) || options.all === true) break;
    }
  }
  if (failed !== undefined && (parts.length === 0 || options.all === true || !(failed instanceof UserError))) {
    for (const part of parts) part.detach();
    throw failed;
  }
  return parts.length === 1 ? (parts[0] as Attachment) : together(kind, label, program, parts);
}
