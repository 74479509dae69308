/**
 * `#pragma GCC diagnostic push`, `ignored "-Wname"`, `pop`: where which warnings stay silent.
 *
 * Most warnings are found long after the text was read, so what counts is where they stand, not when they come. A
 * region is two ranges of handles: what stands between the two pragmas, in their file or in the macro that holds them,
 * and what macros made while the text between them was read.
 */
import type { Loc } from '../../diagnostics.ts';
import type { PpToken } from '../lexer.ts';
import type { SourceManager } from '../source.ts';
import { WARNING_NAMES } from './warning-names.ts';

interface Region {
  readonly codes: readonly string[] | 'every';
  readonly from: Loc;
  to: Loc;
  readonly madeFrom: Loc;
  madeTo: Loc;
}

export class Silence {
  private readonly regions: Region[] = [];
  private open: Region[] = [];
  private readonly pushed: (readonly Region[])[] = [];
  private readonly source: SourceManager;

  constructor(source: SourceManager) {
    this.source = source;
  }

  /** What stands behind `diagnostic`. */
  pragma([verb, name]: readonly PpToken[], loc: Loc): void {
    const codes = name?.kind === 'string' ? namedBy(name.text) : undefined;
    if (verb?.text === 'push') this.pushed.push(this.open);
    else if (verb?.text === 'pop') this.restore(this.pushed.pop() ?? [], loc);
    else if (codes === undefined) return;
    else if (verb?.text === 'ignored') this.begin(codes, loc);
    else if (verb?.text === 'warning' || verb?.text === 'error')
      this.restore(
        this.open.filter((region) => codes !== 'every' && region.codes !== 'every' && !codes.some((c) => region.codes.includes(c))),
        loc,
      );
  }

  /** Is a warning of this code at this place not wanted? */
  covers(code: string, loc: Loc): boolean {
    if (this.regions.length === 0) return false;
    // The token itself, the use of the macro that made it, and the lines that include the file.
    for (let at = loc; at !== 0; at = this.source.fileOf(at)?.includedFrom ?? 0) {
      const use = this.source.expansionLoc(at);
      if (this.regions.some((r) => (r.codes === 'every' || r.codes.includes(code)) && (inside(r, at) || inside(r, use)))) return true;
    }
    return false;
  }

  private begin(codes: Region['codes'], loc: Loc): void {
    const region: Region = { codes, from: loc, to: Infinity, madeFrom: this.source.nextMade, madeTo: Infinity };
    this.regions.push(region);
    this.open = [...this.open, region];
  }

  private restore(wanted: readonly Region[], loc: Loc): void {
    for (const region of this.open) {
      if (wanted.includes(region)) continue;
      region.to = loc;
      region.madeTo = this.source.nextMade;
    }
    this.open = this.open.filter((region) => wanted.includes(region));
  }
}

function inside(region: Region, loc: Loc): boolean {
  return (loc >= region.from && loc < region.to) || (loc >= region.madeFrom && loc < region.madeTo);
}

function namedBy(literal: string): readonly string[] | 'every' | undefined {
  const name = /^"-W(.+)"$/.exec(literal)?.[1];
  return name !== undefined && Object.hasOwn(WARNING_NAMES, name) ? WARNING_NAMES[name] : undefined;
}
