/**
 * Bounds that keep hostile input from costing more than about a second. Reaching one is an error that ends the
 * translation. They lie far above what real programs with real kernel headers need.
 */
export interface Limits {
  /** Files within files. */
  readonly includeDepth: number;
  /** Files entered in all, and their characters. */
  readonly includes: number;
  readonly characters: number;
  /** Tokens that macro expansion may make or read again. */
  readonly expansion: number;
  /** Macro calls inside arguments of macro calls. */
  readonly argumentDepth: number;
  /** Parentheses and unary operators in `#if`. */
  readonly expressionDepth: number;
  /** Characters of one token made by `#` or `##`. */
  readonly tokenLength: number;
}

export const DEFAULT_LIMITS: Limits = {
  includeDepth: 200,
  includes: 20_000,
  characters: 16 << 20,
  expansion: 2_500_000,
  argumentDepth: 256,
  expressionDepth: 256,
  tokenLength: 1 << 20,
};
