/** What a function's attributes say of who else may call or replace it. */
import type { FunctionDecl } from './ast.ts';

/** `__weak`: another definition may take its place when objects are linked. */
export function isWeak(fn: FunctionDecl): boolean {
  return fn.attributes.some((a) => a.name === 'weak');
}

/** `__hidden`: global for the linker, of no interest to anybody outside the object. */
export function isHidden(fn: FunctionDecl): boolean {
  return fn.attributes.some(
    (a) => a.name === 'visibility' && a.args[0]?.kind === 'string' && (a.args[0].value === 'hidden' || a.args[0].value === 'internal'),
  );
}
