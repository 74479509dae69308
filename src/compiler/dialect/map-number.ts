/** Numbers of a map as `union bpf_attr` has them: sizes, entries and flags of 32 bits. What is beyond would be cut off. */

export function isMapNumber(value: bigint | number): boolean {
  return value >= 0 && value <= 0xffff_ffff;
}

export function mapNumberProblem(map: string, what: string, value: bigint | number): string {
  return `map '${map}': ${value} as its ${what}; it must be between 0 and 4294967295`;
}
