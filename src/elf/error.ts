export type ElfErrorCode =
  /** Not ELF, or a header that makes no sense. */
  | 'format'
  /** Something lies outside the file. */
  | 'truncated'
  /** Beyond what this library handles. */
  | 'limit'
  | 'unsupported';

export class ElfError extends Error {
  override name = 'ElfError';
  readonly code: ElfErrorCode;

  constructor(code: ElfErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
