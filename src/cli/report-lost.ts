/** Nothing is lost silently: what the kernel could not deliver or count, map by map. */
import type { BPF } from '../bcc/bpf.ts';

/** `read` is false where nobody reads events: what does not fit then is no matter of speed. */
export function reportLost(bpf: BPF, warn: (text: string) => void, { read = true }: { readonly read?: boolean } = {}): void {
  const missed = bpf.missed();
  if (missed > 0n) warn(`${missed} events were missed: the program for them was running on that CPU already`);
  for (const name of bpf.maps) {
    const lost = bpf.lost(name);
    if (lost === 0n) continue;
    const { type, maxEntries } = bpf.map(name);
    if (type !== 'ringbuf' && type !== 'perf_event_array')
      warn(`${lost} updates of '${name}' were lost: it was full (${maxEntries} entries)`);
    else if (read) warn(`${lost} events were lost: they came faster than they were read`);
    else warn(`${lost} events of '${name}' were lost: nobody reads them here`);
  }
}
