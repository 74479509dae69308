/** Files that are kept from run to run begin with a CRC of the rest: one that a disk has damaged is not there. */
import { crc32 } from 'node:zlib';

/** With its CRC before it. */
export function sealed(content: string): string {
  return `${crc32(content)}\n${content}`;
}

/** Undefined if the CRC is another. */
export function unsealed(text: string): string | undefined {
  const end = text.indexOf('\n');
  const content = text.slice(end + 1);
  return text.slice(0, Math.max(end, 0)) === String(crc32(content)) ? content : undefined;
}
