/**
 * USDT probes: notes that `DTRACE_PROBE` leaves in an executable.
 *
 * A note has the address of the probe, of a marker section at link time, and of a counter ("semaphore", 0 for none),
 * then provider, name and argument description. Tools that move sections later (prelink) do not correct the notes;
 * the distance of the marker from where it is now does.
 *
 * Source: <sys/sdt.h>, https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */
import type { ElfFile } from './read.ts';
import { ElfStrings } from './strings.ts';

export interface UsdtProbe {
  readonly provider: string;
  readonly name: string;
  /** As the note has it: '-4@%eax 8@-8(%rbp)'. */
  readonly arguments: string;
  /** Virtual addresses. */
  readonly address: bigint;
  /** 0 for none. */
  readonly semaphore: bigint;
}

const NOTE_TYPE = 3;

export function usdtProbes(elf: ElfFile): UsdtProbe[] {
  const section = elf.section('.note.stapsdt');
  if (section === undefined) return [];
  const marker = elf.section('.stapsdt.base')?.address;
  const word = elf.bits / 8;
  const probes: UsdtProbe[] = [];
  for (const note of elf.notesOf(section)) {
    if (note.name !== 'stapsdt' || note.type !== NOTE_TYPE || note.desc.length < 3 * word + 3) continue;
    const view = new DataView(note.desc.buffer, note.desc.byteOffset, note.desc.byteLength);
    const [location, base, semaphore] = [0, 1, 2].map((i) =>
      word === 8 ? view.getBigUint64(i * 8, elf.littleEndian) : BigInt(view.getUint32(i * 4, elf.littleEndian)),
    );
    const [provider, name, args] = texts(note.desc.subarray(3 * word));
    const moved = marker === undefined || base === 0n ? 0n : marker - base;
    probes.push({
      provider,
      name,
      arguments: args,
      address: BigInt.asUintN(64, location + moved),
      semaphore: semaphore === 0n ? 0n : BigInt.asUintN(64, semaphore + moved),
    });
  }
  return probes;
}

function texts(bytes: Uint8Array): [string, string, string] {
  const strings = new ElfStrings(bytes);
  const first = strings.at(0);
  const secondAt = bytes.indexOf(0) + 1;
  const second = secondAt === 0 ? '' : strings.at(secondAt);
  const thirdAt = secondAt === 0 ? 0 : bytes.indexOf(0, secondAt) + 1;
  return [first, second, thirdAt === 0 ? '' : strings.at(thirdAt)];
}
