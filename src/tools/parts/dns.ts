/**
 * Answers of the domain name system: which name was asked for, and which addresses it has.
 *
 *   header { id, flags, counts of questions, answers, … } · questions { name, type, class } · answers { name, type, class, ttl, data }
 *   a name: labels { length, bytes }, ended by 0 or by a pointer (two bytes, the upper two bits set) to an earlier name
 *
 * What comes from the network is hostile: everything is checked, and a message that is cut or wrong says nothing.
 * Source: RFC 1035, section 4; RFC 3596.
 */
import { ipv4Text, ipv6Text } from '../../render/address.ts';

const HEADER = 12;
const RESPONSE = 0x8000;
const POINTER = 0xc0;
const LONGEST_NAME = 255;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;

export interface DnsAnswer {
  /** As it was asked for, without the dot at its end. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Undefined for what is no answer with addresses. Of a message that was cut, the addresses before the cut. */
export function dnsAnswer(message: Uint8Array): DnsAnswer | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.length < HEADER || (view.getUint16(2) & RESPONSE) === 0 || view.getUint16(4) !== 1) return undefined;
  const question = nameAt(message, HEADER);
  if (question === undefined) return undefined;
  const addresses: string[] = [];
  let at = question.end + 4;
  for (let left = view.getUint16(6); left > 0; left--) {
    const end = afterName(message, at);
    if (end === undefined || end + 10 > message.length) break;
    const [type, family, length] = [view.getUint16(end), view.getUint16(end + 2), view.getUint16(end + 8)];
    const data = message.subarray(end + 10, end + 10 + length);
    if (data.length < length) break;
    if (family === CLASS_IN && type === TYPE_A && length === 4) addresses.push(ipv4Text(data));
    if (family === CLASS_IN && type === TYPE_AAAA && length === 16) addresses.push(ipv6Text(data));
    at = end + 10 + length;
  }
  return addresses.length === 0 ? undefined : { name: question.name, addresses };
}

/** A name in a question: the first in the message, so there is nothing that it could point to. */
function nameAt(message: Uint8Array, start: number): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at]; length !== undefined && at - start <= LONGEST_NAME; length = message[at]) {
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    if (length >= 64) return undefined;
    const label = message.subarray(at + 1, at + 1 + length);
    labels.push(new TextDecoder().decode(label));
    at += 1 + length;
  }
  return undefined;
}

/** Where the name of an answer ends; what it is does not matter: it may be an alias. */
function afterName(message: Uint8Array, start: number): number | undefined {
  let at = start;
  for (let length = message[at]; length !== undefined && at - start <= LONGEST_NAME; length = message[at]) {
    if (length === 0) return at + 1;
    if (length >= POINTER) return at + 2;
    if (length >= 64) return undefined;
    at += 1 + length;
  }
  return undefined;
}

const MOST_NAMES = 10_240;
/** From here on it is said how long ago the name was asked for, as BCC does. */
const LONG_AGO_NS = 100_000_000n;

/** The name by which each address was last found. */
export class DnsNames {
  private readonly names = new Map<string, { readonly name: string; readonly at: bigint }>();

  /** `at`: nanoseconds of the clock that `text` is asked by, too. */
  add(message: Uint8Array, at: bigint): void {
    const answer = dnsAnswer(message);
    for (const address of answer?.addresses ?? []) {
      this.names.delete(address);
      this.names.set(address, { name: answer?.name ?? '', at });
    }
    for (const oldest of this.names.keys()) {
      if (this.names.size <= MOST_NAMES) break;
      this.names.delete(oldest);
    }
  }

  name(address: string): string | undefined {
    return this.names.get(address)?.name;
  }

  /** BCC's column. */
  text(address: string, now: bigint): string {
    const found = this.names.get(address);
    if (found === undefined) return address === '127.0.0.1' || address === '::1' ? 'localhost' : 'No DNS Query';
    const age = now - found.at;
    return age > LONG_AGO_NS ? `${found.name} (${(Number(age) / 1e6).toFixed(3)}ms)` : found.name;
  }
}
