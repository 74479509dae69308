export type ObjectErrorCode =
  /** The file is damaged, or no BPF object. */
  | 'format'
  /** Something in it is understood, but not supported. */
  | 'unsupported'
  /** It refers to something that it does not have. */
  | 'reference'
  /** A map definition that makes no sense. */
  | 'map'
  | 'limit';

/** What is wrong with an object, for the one who brought it. */
export class ObjectError extends Error {
  override name = 'ObjectError';
  readonly code: ObjectErrorCode;

  constructor(code: ObjectErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
