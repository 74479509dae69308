/**
 * USDT: probes that a program's authors put into it (`DTRACE_PROBE`, `STAP_PROBE`), by name.
 *
 *   const usdt = new USDT({ pid });                        or { path: '/usr/bin/python3' }
 *   usdt.enableProbe('python:function__entry', 'on_entry');
 *   await using b = await BPF.load({ text, usdt: [usdt] });
 *
 *   notes of the files ─▶ places and arguments ─▶ compiler (`bpf_usdt_readarg`) ─▶ a uprobe on each place, with its cookie
 *                                            └─▶ the semaphore: raised by the kernel for as long as the probe is there
 *
 * A probe may stand at several places and in several files. Its cookie tells a program at which place it is, in the order
 * of `locations`. Needs what uprobes need; semaphores are the kernel's work from Linux 4.20 on, before that they are
 * written into the memory of the process, which must then be given.
 */
import { type Attachment, attachment, together } from '../attach/attachment.ts';
import { probeDevice } from '../attach/probe-pmu.ts';
import { similar } from '../compiler/did-you-mean.ts';
import type { UsdtLocation, UsdtProgram } from '../compiler/usdt.ts';
import { EM, parseUsdtArguments, type UsdtArgument, type UsdtMachine } from '../elf/index.ts';
import { FeatureError, NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import type { Kernel } from '../kernel/port.ts';
import { Binary } from '../symbols/binary.ts';
import { type FoundBinary, findBinary, mappingsOf, ofMapping } from '../symbols/find-binary.ts';
import { raiseSemaphore } from '../symbols/semaphore.ts';
import { attachPlaces, type LoadUprobe } from './uprobes.ts';

export interface UsdtTarget {
  /** A process: its program and every library that it has mapped. */
  readonly pid?: number;
  /** A file, or the name of a library or command; with `pid`, of that process. */
  readonly path?: string;
}

/** A place where a probe stands. Addresses are virtual ones of its file. */
export interface UsdtPlace extends UsdtLocation {
  /** As the process sees it. */
  readonly file: string;
  /** For the kernel. */
  readonly path: string;
  /** In the file. */
  readonly offset: bigint;
  /** Offset in the file of the counter that says whether anybody listens. */
  readonly semaphore: bigint | undefined;
  /** Its virtual address. */
  readonly semaphoreAddress: bigint | undefined;
}

export interface UsdtProbeInfo {
  readonly provider: string;
  readonly name: string;
  readonly locations: readonly UsdtPlace[];
}

const MACHINES: Readonly<Record<number, UsdtMachine>> = { [EM.X86_64]: 'x86_64', [EM.AARCH64]: 'arm64' };

export class USDT {
  readonly pid: number | undefined;
  readonly target: string;
  private readonly enabled: { readonly probe: UsdtProbeInfo; readonly fn: string }[] = [];
  private readonly files: readonly FoundBinary[];
  private known: readonly UsdtProbeInfo[] | undefined;

  /** Throws `UsageError`: no such process or file. */
  constructor({ pid, path }: UsdtTarget) {
    if (pid === undefined && path === undefined) throw new UsageError("USDT takes a 'pid', a 'path' or both");
    this.pid = pid;
    this.target = path ?? `process ${pid}`;
    this.files = path === undefined ? filesOf(pid as number) : [findBinary(path, pid)];
  }

  /** All probes, in the order of files and notes. */
  get probes(): readonly UsdtProbeInfo[] {
    return (this.known ??= this.read());
  }

  /** By 'provider:name', or by the name alone where one provider has it. Throws `UsageError`. */
  probe(name: string): UsdtProbeInfo {
    const colon = name.indexOf(':');
    const found = this.probes.filter((probe) =>
      colon < 0 ? probe.name === name : probe.provider === name.slice(0, colon) && probe.name === name.slice(colon + 1),
    );
    const [first] = found;
    if (first === undefined) {
      const names = this.probes.flatMap((probe) => [probe.name, fullName(probe)]);
      const none = names.length === 0 ? `${this.target} has no USDT probes` : `${this.target} has no USDT probe '${name}'`;
      throw new NoSuchHookError(none, similar(name, names));
    }
    if (found.length > 1) throw new UsageError(`several providers have a probe '${name}': say which`, found.map(fullName));
    return first;
  }

  /** The function `fn` will run at every place of the probe. Throws `UsageError` for a probe that is not there. */
  enableProbe(name: string, fn: string): this {
    this.enabled.push({ probe: this.probe(name), fn });
    return this;
  }

  /** For the compiler: where the arguments are that each function reads. */
  get programs(): readonly UsdtProgram[] {
    return this.enabled.map(({ probe, fn }) => ({ program: fn, probe: fullName(probe), locations: probe.locations }));
  }

  /** Attaches what has been enabled. `load` gives the program of a function. `BPF.load` calls it. */
  attach(kernel: Kernel, load: (fn: string) => LoadUprobe): Attachment[] {
    const attachments: Attachment[] = [];
    try {
      for (const { probe, fn } of this.enabled) attachments.push(attachUsdt(kernel, load(fn), probe, this.pid));
    } catch (error) {
      for (const attachment of attachments) attachment.detach();
      throw error;
    }
    return attachments;
  }

  private read(): UsdtProbeInfo[] {
    const probes = new Map<string, { readonly provider: string; readonly name: string; readonly locations: UsdtPlace[] }>();
    for (const file of this.files) {
      for (const { provider, name, place } of placesIn(file, this.pid === undefined)) {
        const key = `${provider}:${name}`;
        let probe = probes.get(key);
        if (!probe) probes.set(key, (probe = { provider, name, locations: [] }));
        probe.locations.push(place);
      }
    }
    return [...probes.values()];
  }
}

/** A probe on all its places: one attachment, whatever it takes. */
function attachUsdt(kernel: Kernel, load: LoadUprobe, probe: UsdtProbeInfo, pid: number | undefined): Attachment {
  const label = fullName(probe);
  const counts = probeDevice(kernel, 'uprobe').counterShift !== undefined;
  const cookies = featuresOf(kernel).probeCookies;
  const byFile = new Map<string, { readonly offset: bigint; readonly refCounter?: bigint; readonly cookie?: bigint }[]>();
  for (const [index, { path, offset, semaphore }] of probe.locations.entries()) {
    const places = byFile.get(path) ?? [];
    places.push({
      offset,
      ...(cookies ? { cookie: BigInt(index) } : {}),
      ...(semaphore === undefined || !counts ? {} : { refCounter: semaphore }),
    });
    byFile.set(path, places);
  }
  const parts: Attachment[] = [];
  try {
    for (const [path, places] of byFile)
      parts.push(attachPlaces(kernel, load, path, places, label, { all: true, ...(pid === undefined ? {} : { pid }) }));
    if (!counts) parts.push(...raiseByHand(kernel, probe, pid));
  } catch (error) {
    for (const part of parts) part.detach();
    throw error;
  }
  return together('usdt', label, { name: parts[0]?.program ?? '', fd: -1 }, parts);
}

/** Kernels before 4.20 do not count listeners. */
function raiseByHand(kernel: Kernel, probe: UsdtProbeInfo, pid: number | undefined): Attachment[] {
  // One counter serves all places of a probe in a file.
  const counters = new Map(
    probe.locations.flatMap((p) => (p.semaphoreAddress === undefined ? [] : [[p.file, p.semaphoreAddress] as const])),
  );
  if (counters.size === 0) return [];
  if (pid === undefined)
    throw new FeatureError('reference counters of uprobes', {
      minKernel: '4.20',
      hint: `give a pid: the counter of ${fullName(probe)} is then raised in that process`,
    });
  return Array.from(counters, ([file, address]) =>
    attachment(kernel, {
      kind: 'usdt',
      target: file,
      program: { name: '', fd: -1 },
      via: 'attach',
      fds: [],
      undo: raiseSemaphore(pid, file, address),
    }),
  );
}

function* placesIn(found: FoundBinary, mustRead: boolean): Generator<{ provider: string; name: string; place: UsdtPlace }> {
  let binary: Binary;
  try {
    binary = new Binary(found);
  } catch (error) {
    // Of the many files that a process maps, some are none of ours to read, and some are no ELF files.
    if (mustRead) throw error;
    return;
  }
  try {
    const machine = MACHINES[binary.elf.machine];
    for (const probe of binary.usdtProbes()) {
      const offset = binary.elf.fileOffset(probe.address);
      if (offset === undefined || machine === undefined) continue;
      const args = parseUsdtArguments(probe.arguments, machine);
      yield {
        provider: probe.provider,
        name: probe.name,
        place: {
          file: found.name,
          path: found.path,
          address: probe.address,
          offset,
          semaphore: probe.semaphore === 0n ? undefined : binary.elf.fileOffset(probe.semaphore),
          semaphoreAddress: probe.semaphore === 0n ? undefined : probe.semaphore,
          arguments: args,
          symbols: variables(binary, args),
        },
      };
    }
  } finally {
    binary.close();
  }
}

function variables(binary: Binary, args: readonly UsdtArgument[]): ReadonlyMap<string, bigint> {
  const found = new Map<string, bigint>();
  for (const { place } of args) {
    if (place.kind !== 'symbol' || found.has(place.symbol)) continue;
    const address = binary.symbolAddress(place.symbol);
    if (address !== undefined) found.set(place.symbol, address);
  }
  return found;
}

function filesOf(pid: number): FoundBinary[] {
  const byInode = new Map(mappingsOf(pid).map((mapping) => [`${mapping.device}:${mapping.inode}`, mapping]));
  if (byInode.size === 0) throw new UsageError(`there is no process ${pid}, or its mappings may not be read`);
  return [...byInode.values()].map((mapping) => ofMapping(mapping, pid));
}

function fullName(probe: { readonly provider: string; readonly name: string }): string {
  return `${probe.provider}:${probe.name}`;
}
