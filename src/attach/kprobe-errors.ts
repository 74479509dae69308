/** What the kernel's refusals of a kprobe mean, by whichever way it is made. */

export function notTraceable(doing: string, name: string): string {
  return `${doing}: '${name}' cannot be probed: there is no such function, or it was inlined or marked notrace`;
}

export const KPROBE_MEANINGS: Readonly<Record<string, string>> = {
  EILSEQ: 'the offset is in the middle of an instruction',
  EINVAL: "the function cannot be probed there (it is on the kernel's list of exceptions, or the offset is not in it)",
  EADDRNOTAVAIL: 'several functions have that name',
  EBUSY: 'the function cannot be probed at the moment',
};
