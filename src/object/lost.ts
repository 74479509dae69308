/**
 * The variables in which a program counts what it could not put into a map: `skep_lost.counts` for the map `counts`.
 * Whoever compiles makes them, whoever loads reads them. No identifier of C's has a dot in it.
 */
export const LOST_PREFIX = 'skep_lost.';
