/**
 * What the types of maps allow and refuse. Nothing here runs: that it compiles is the test, and each line after
 * `@ts-expect-error` must be an error.
 */
import { BPF, BtfError, type Table } from '../../../src/index.ts';

type Key = { port: number; proto: string };
type Pair = { a: bigint; b: number; flag: boolean; name: string; list: number[]; inner: { x: number } };

export async function numbers(b: Table<number, bigint>): Promise<void> {
  b.set(1, 2);
  b.set(1n, 2n);
  b.increment(3);
  b.setAll([[1, 2n]]);
  b.set(0, { fd: 3 });
  const value: bigint | undefined = b.get(1);
  // @ts-expect-error a text is no integer
  b.get('x');
  // @ts-expect-error neither key nor value
  b.set('nonsense', { a: 1 });
  // @ts-expect-error an object is no integer
  b.set(1, { a: 1 });
  // @ts-expect-error a text is no integer
  b.setAll([[1, 'x']]);
  // @ts-expect-error a text is no key
  b.deleteAll(['x']);
  // @ts-expect-error it is a bigint
  const number: number | undefined = b.get(1);
  void [value, number];
}

export function structs(b: Table<Key, Pair>): void {
  b.get({ port: 1n, proto: 'tcp' });
  b.get({ port: 1 });
  b.set({ port: 1, proto: new Uint8Array(4) }, { a: 1, b: 2n, flag: 1, name: 'x', list: [1n], inner: {} });
  b.set({ proto: [116, 99, 112] }, { flag: true, list: new Uint8Array(3) });
  // @ts-expect-error there is no such member
  b.set({ prt: 1 }, { a: 1n });
  // @ts-expect-error a number is no struct
  b.set({ port: 1 }, 1n);
  // @ts-expect-error a text is no struct
  b.get('x');
  // @ts-expect-error there is no such member
  b.set({ port: 1 }, { inner: { y: 1 } });
  // @ts-expect-error a text is no number
  b.set({ port: 'x' }, {});
}

export function perCpu(b: Table<number, bigint>, c: Table<number, bigint[]>, d: Table<number, Pair>): void {
  b.set(1, [1n, 2]);
  b.set(1, { all: 0 });
  c.set(1, [1n, 2]);
  c.set(1, { all: 0 });
  d.set(1, { all: { a: 1 } });
  // @ts-expect-error a text is no integer
  b.set(1, { all: 'x' });
  // @ts-expect-error a text is no integer
  b.set(1, ['x']);
}

export async function unknowns(b: BPF): Promise<void> {
  b.map('x').set('anything', { goes: [1, 'x'] });
  b.map<unknown, unknown>('x').get({ port: 1 });
  b.map<undefined, number>('queue').push(1n);
  // @ts-expect-error a text is no integer
  b.map<undefined, number>('queue').push('x');
  b.loadFunc('f', 'xdp');
  // @ts-expect-error there is no such type of programs
  b.loadFunc('f', 'xpd');
  void BPF;
  void BtfError;
}
