import { UserError } from '../kernel/errors.ts';

/** The object cannot be joined with this kernel: something it refers to is missing, or contradicts itself. */
export class LinkError extends UserError {
  override name = 'LinkError';
}

/** A relocation that makes no sense: the object was damaged or made by a tool with other ideas. */
export class CoreError extends LinkError {
  override name = 'CoreError';
}
