/** Sets of small numbers as bits. */

export function newBits(count: number): Uint32Array {
  return new Uint32Array((count + 31) >>> 5);
}

export function hasBit(bits: Uint32Array, n: number): boolean {
  return (((bits[n >>> 5] as number) >>> (n & 31)) & 1) === 1;
}

export function setBits(bits: Uint32Array, from: number, to: number, on: boolean): void {
  for (let n = from; n < to; n++) {
    const w = n >>> 5;
    if ((n & 31) === 0 && n + 32 <= to) {
      bits[w] = on ? 0xffff_ffff : 0;
      n += 31;
    } else if (on) bits[w] = (bits[w] as number) | (1 << (n & 31));
    else bits[w] = (bits[w] as number) & ~(1 << (n & 31));
  }
}

export function anyBit(bits: Uint32Array, from: number, to: number): boolean {
  for (let n = from; n < to; n++) if (hasBit(bits, n)) return true;
  return false;
}

/** Copies; true if it changed anything. */
export function assignBits(to: Uint32Array, from: Uint32Array): boolean {
  for (let w = 0; w < to.length; w++) {
    if (to[w] !== from[w]) {
      to.set(from);
      return true;
    }
  }
  return false;
}
