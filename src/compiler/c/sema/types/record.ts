/**
 * Records and enums as sema makes them. They have identity, and are filled after they are made: by `}` of their
 * declaration, or from BTF when somebody first looks inside.
 */
import type { Loc } from '../../../diagnostics.ts';
import type { Enumerator, EnumType, Field, IntType, RecordType } from '../../types.ts';
import { UINT } from './basic.ts';

export interface RecordBody {
  readonly fields: readonly Field[];
  readonly size: number;
  readonly align: number;
  readonly packed: boolean;
}

export type RecordOrigin =
  /** Only referred to so far; its text may follow. */
  | 'reference'
  /** Between its braces. */
  | 'open'
  /** Declared in the text. */
  | 'text'
  /** The kernel's. */
  | 'btf';

export class Record implements RecordType {
  readonly kind = 'record';
  readonly tag: 'struct' | 'union';
  readonly name: string;
  loc: Loc;
  origin: RecordOrigin = 'reference';
  preserveAccessIndex = false;
  btfId: number | undefined = undefined;
  /** Levels of records inside, of one from the text. */
  nesting = 0;
  /** What it lacks has been reported: that is enough. */
  reported = false;
  private body: RecordBody | undefined = undefined;
  private lazy: (() => RecordBody) | undefined = undefined;
  private knownSize = 0;

  constructor(tag: 'struct' | 'union', name: string, loc: Loc) {
    this.tag = tag;
    this.name = name;
    this.loc = loc;
  }

  get fields(): readonly Field[] | undefined {
    return (this.body ?? this.load())?.fields;
  }

  get size(): number {
    return this.body ? this.body.size : this.knownSize;
  }

  get align(): number {
    return (this.body ?? this.load())?.align ?? 1;
  }

  get packed(): boolean {
    return (this.body ?? this.load())?.packed ?? false;
  }

  /** Whether somebody has looked inside: then it can no longer become another record. */
  get settled(): boolean {
    return this.body !== undefined;
  }

  complete(body: RecordBody): void {
    this.body = body;
    this.lazy = undefined;
    this.origin = 'text';
  }

  completeFromBtf(id: number, size: number, body: () => RecordBody): void {
    this.btfId = id;
    this.knownSize = size;
    this.lazy = body;
    this.origin = 'btf';
  }

  /** The text declares a record of the same name: this one, of which nobody has seen the inside, becomes it. */
  detach(): void {
    this.btfId = undefined;
    this.knownSize = 0;
    this.lazy = undefined;
    this.origin = 'reference';
  }

  private load(): RecordBody | undefined {
    const make = this.lazy;
    if (!make) return undefined;
    this.lazy = undefined;
    this.body = make();
    return this.body;
  }
}

export class Enum implements EnumType {
  readonly kind = 'enum';
  readonly name: string;
  loc: Loc;
  values: Enumerator[] | undefined = undefined;
  underlying: IntType = UINT;
  btfId: number | undefined = undefined;
  relocatable = false;
  /** `enum e : u8`. */
  fixed: IntType | undefined = undefined;
  /** Enumerators while between the braces. */
  open: Enumerator[] | undefined = undefined;

  constructor(name: string, loc: Loc) {
    this.name = name;
    this.loc = loc;
  }
}
