/** What can be wrong with BTF, as data, so that callers can tell a damaged file from a wrong question. */
export type BtfErrorCode =
  /** Not BTF at all, or of the other byte order. */
  | 'format'
  /** A section or a type reaches beyond its bytes. */
  | 'truncated'
  /** An id out of range, or an id of a type that makes no sense there. */
  | 'badType'
  /** A type contains itself by value, or references go round in a circle. */
  | 'cycle'
  /** Nesting or size beyond what this library handles. */
  | 'limit'
  /** A name, member or path that does not exist. */
  | 'notFound'
  /** A JavaScript value that does not fit its type. */
  | 'value'
  /** Understood, but not supported. */
  | 'unsupported';

export class BtfError extends Error {
  override name = 'BtfError';
  readonly code: BtfErrorCode;
  /** The type id that the error is about, where there is one. */
  readonly id: number | undefined;

  constructor(code: BtfErrorCode, message: string, id?: number) {
    super(id === undefined ? message : `${message} (type ${id})`);
    this.code = code;
    this.id = id;
  }
}
