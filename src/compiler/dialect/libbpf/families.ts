/**
 * Families of macros that C can only write out one by one: `FILL2(a, p, x, rest) … FILL1(…)`. Here they are made.
 */

/** `#define name<n>(params) body` for each n of a range. */
export function family(name: string, from: number, to: number, params: (n: number) => string, body: (n: number) => string): string {
  let text = '';
  for (let n = from; n <= to; n++) text += `#define ${name}${n}(${params(n)}) ${body(n)}\n`;
  return text;
}

/** 'a1, a2, a3' */
export function names(count: number, prefix = 'a'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}
