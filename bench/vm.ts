/** Million BPF instructions per second in both engines, over programs with different habits. Prints; never fails on time. */
import { assemble } from '../src/isa/assemble.ts';
import type { MapSpec } from '../src/object/spec.ts';
import { runInsns } from '../src/vm/machine.ts';

interface Program {
  readonly name: string;
  /** `%n` is replaced by the count of rounds. */
  readonly text: string;
  readonly rounds: number;
  readonly maps?: readonly MapSpec[];
}

const counts: MapSpec = { name: 'counts', type: 'array', keySize: 4, valueSize: 8, maxEntries: 256, flags: 0, keyType: 0, valueType: 0 };
const seen: MapSpec = { ...counts, name: 'seen', type: 'hash', keySize: 8, maxEntries: 1024 };

const PROGRAMS: readonly Program[] = [
  {
    name: 'arithmetic',
    rounds: 4_000_000,
    text: `r0 = 1; r2 = %n; r3 = 0x9e3779b97f4a7c15 ll
    loop: r0 += r2; r0 *= r3; r4 = r0; r4 >>= 29; r0 ^= r4; r5 = r0; r5 <<= 7; r0 ^= r5; r2 += -1; if r2 != 0 goto loop; exit`,
  },
  {
    name: '32-bit arithmetic, branches',
    rounds: 4_000_000,
    text: `w0 = 1; w2 = %n
    loop: w0 *= 1664525; w0 += 1013904223; w3 = w0; w3 >>= 30; if w3 == 1 goto a; if w3 == 2 goto b; w0 ^= 5; goto next
    a: w0 += w2; goto next
    b: w0 -= w2
    next: w2 += -1; if w2 != 0 goto loop; exit`,
  },
  {
    name: 'division',
    rounds: 2_000_000,
    text: `r0 = 0x123456789abcdef ll; r2 = %n
    loop: r3 = r0; r3 /= r2; r4 = r0; r4 %= r2; r0 ^= r3; r0 += r4; w5 = w0; w5 s/= 7; r0 += r5; r2 += -1; if r2 != 0 goto loop; exit`,
  },
  {
    name: 'stack',
    rounds: 3_000_000,
    text: `r0 = 0; r2 = %n
    loop: *(u64 *)(r10 - 8) = r0; *(u32 *)(r10 - 16) = r2; r3 = *(u64 *)(r10 - 8); r4 = *(u32 *)(r10 - 16); r0 = r3; r0 += r4; *(u8 *)(r10 - 17) = r0; r5 = *(s8 *)(r10 - 17); r0 ^= r5; r2 += -1; if r2 != 0 goto loop; exit`,
  },
  {
    name: 'pointers',
    rounds: 3_000_000,
    text: `r0 = 0; r2 = %n; r6 = r10; r6 += -64; *(u64 *)(r6 + 0) = r0; *(u64 *)(r6 + 8) = r0; *(u64 *)(r6 + 16) = r0
    loop: r3 = *(u64 *)(r6 + 0); r4 = *(u64 *)(r6 + 8); r3 += r2; r4 ^= r3; *(u64 *)(r6 + 8) = r3; *(u64 *)(r6 + 0) = r4; r0 += r4; r5 = *(u16 *)(r1 + 4); r0 += r5; r2 += -1; if r2 != 0 goto loop; exit`,
  },
  {
    name: 'calls',
    rounds: 2_000_000,
    text: `r6 = %n; r7 = 0
    loop: r1 = r6; r2 = r7; call mix; r7 = r0; r6 += -1; if r6 != 0 goto loop; r0 = r7; exit
    mix: r0 = r1; r0 *= 31; r0 += r2; r3 = r0; r3 >>= 3; r0 ^= r3; exit`,
  },
  {
    name: 'array lookups',
    rounds: 500_000,
    maps: [counts],
    text: `r6 = %n
    loop: r2 = r6; r2 &= 255; *(u32 *)(r10 - 4) = r2; r2 = r10; r2 += -4; r1 = map[id:0]; call 1; if r0 == 0 goto next; r1 = 1; lock *(u64 *)(r0 + 0) += r1
    next: r6 += -1; if r6 != 0 goto loop; r0 = 0; exit`,
  },
  {
    name: 'hash updates',
    rounds: 200_000,
    maps: [seen],
    text: `r6 = %n
    loop: r2 = r6; r2 &= 511; *(u64 *)(r10 - 8) = r2; *(u64 *)(r10 - 16) = r6; r2 = r10; r2 += -8; r3 = r10; r3 += -16; r4 = 0; r1 = map[id:0]; call 2; r6 += -1; if r6 != 0 goto loop; r0 = 0; exit`,
  },
];

const scale = Number(process.argv[2] ?? '1');
console.log('Minsn/s                        wasm   interpreter');
for (const { name, text, rounds, maps } of PROGRAMS) {
  const speed = (engine: 'wasm' | 'interpreter', count: number): number => {
    const { insns } = assemble(text.replaceAll('%n', String(Math.max(1000, Math.round(count * scale)))));
    const options = { engine, budget: 1e12, maps: maps ?? [] };
    const input = { ctx: new Uint8Array(16) };
    runInsns(insns, input, { ...options, budget: 1e12 });
    const start = performance.now();
    const { insnCount } = runInsns(insns, input, options);
    return insnCount / 1000 / (performance.now() - start);
  };
  console.log(
    `${name.padEnd(28)} ${speed('wasm', rounds).toFixed(0).padStart(6)} ${speed('interpreter', rounds / 50)
      .toFixed(1)
      .padStart(12)}`,
  );
}
