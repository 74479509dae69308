/**
 * How long the code runs beside clang's for the same source: BPF_PROG_TEST_RUN with repeat, in this kernel, as root.
 *
 *   sudo node build/bench/codegen-run.js [own|samples …] [rounds] [repeat]
 *
 * Only programs that a packet can be given to (socket, tc, xdp, cgroup_skb). Both sides get the same packets in turn;
 * of each the fastest round counts, so that what else the machine does counts little. Prints; never fails on time.
 */
import { compile } from '../src/compiler/compile.ts';
import { bpfAnswer } from '../src/kernel/bpf-attr.ts';
import { readTargetFacts } from '../src/kernel/facts.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { KernelError } from '../src/kernel/port.ts';
import { type LoadedObject, loadObject } from '../src/link/load.ts';
import type { ObjectSpec } from '../src/object/spec.ts';
import { FAMILIES, type Family, subjects } from './codegen-peers.ts';
import { geometricMean, printTable } from './measure.ts';

const TYPES: ReadonlySet<string> = new Set(['socket_filter', 'sched_cls', 'sched_act', 'xdp', 'cgroup_skb']);
const words = process.argv.slice(2);
const chosen = words.filter((w): w is Family => (FAMILIES as readonly string[]).includes(w));
const [rounds = 7, repeat = 20_000] = words.filter((w) => /^\d+$/.test(w)).map(Number);

/** Ethernet, IPv4, and TCP to port 443 or UDP to port 53; the last one with a VLAN tag. */
function packet(protocol: 6 | 17, port: number, vlan: boolean): Uint8Array {
  const ethernet = [0x52, 0x54, 0, 1, 2, 3, 0x52, 0x54, 0, 4, 5, 6, ...(vlan ? [0x81, 0, 0, 7] : []), 8, 0];
  const ip = [0x45, 0, 0, 86, 0x12, 0x34, 0x40, 0, 64, protocol, 0xab, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2];
  const transport =
    protocol === 17
      ? [0x9c, 0x40, port >> 8, port & 255, 0, 66, 0, 0]
      : [0x9c, 0x40, port >> 8, port & 255, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0];
  return Uint8Array.from([...ethernet, ...ip, ...transport, ...Array.from({ length: 60 }, (_, i) => (i * 7) & 255)]);
}
const PACKETS = [packet(6, 443, false), packet(17, 53, false), packet(17, 53, true)];

const kernel = linuxKernel();
const facts = readTargetFacts(kernel);

/** Nanoseconds for one run. */
function run(fd: number, data: Uint8Array): { ns: number; retval: number } {
  const out = new Uint8Array(data.length + 512);
  const { attr } = bpfAnswer(kernel, 'PROG_TEST_RUN', {
    prog_fd: fd,
    data_in: data,
    data_size_in: data.length,
    data_out: out,
    data_size_out: out.length,
    repeat,
  });
  return { ns: attr.duration, retval: attr.retval };
}

function load(spec: ObjectSpec): LoadedObject | undefined {
  try {
    const maps = new Map([...spec.maps].map(([key, { pin: _, values: __, ...map }]) => [key, map]));
    return loadObject({ ...spec, maps, programs: spec.programs.filter((p) => TYPES.has(p.type)) }, kernel, { facts });
  } catch {
    return undefined;
  }
}

const rows: { name: string; ours: number; theirs: number; differs: boolean }[] = [];
for (const family of chosen.length > 0 ? chosen : (['own'] as const)) {
  for (const subject of subjects(family, facts)) {
    const { spec } = compile(subject.text, subject.options);
    const peer = spec && subject.peer(spec);
    if (!spec?.programs.some((p) => TYPES.has(p.type)) || !peer) continue;
    using ours = load(spec);
    using theirs = load(peer);
    if (!ours || !theirs) continue;
    for (const { name, spec: program, fd } of ours.programs.values()) {
      const other = [...theirs.programs.values()].find((p) => p.spec.entry === program.entry)?.fd;
      if (other === undefined) continue;
      const best = { ours: 0, theirs: 0 };
      let differs = false;
      try {
        for (const data of PACKETS) {
          const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
          for (let round = 0; round < rounds; round++) {
            const [a, b] = [run(fd, data), run(other, data)];
            times.ours.push(a.ns);
            times.theirs.push(b.ns);
            differs ||= a.retval !== b.retval;
          }
          best.ours += Math.min(...times.ours);
          best.theirs += Math.min(...times.theirs);
        }
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        continue;
      }
      rows.push({ name: `${subject.name}/${name}`, ...best, differs });
    }
  }
}
rows.sort((a, b) => b.ours / b.theirs - a.ours / a.theirs);
printTable([
  ['program', 'skep ns', 'clang ns', 'ratio', ''],
  ...rows.map((r) => [r.name, String(r.ours), String(r.theirs), (r.ours / r.theirs).toFixed(3), r.differs ? 'other results' : '']),
]);
if (rows.length > 0) console.log(`geometric mean: ${geometricMean(rows.map((r) => r.ours / r.theirs)).toFixed(3)} of ${rows.length}`);
