/**
 * Where `#include` finds its text. The preprocessor asks a resolver and knows no file system: virtual headers, a
 * list of folders, or both in a row.
 */

export interface Header {
  /** What messages and `__FILE__` call it. */
  readonly name: string;
  /** The same for all spellings of a file's path: what `#pragma once` and `#import` go by. The name without. */
  readonly identity?: string;
  readonly text: string;
  /** Not the user's: warnings stay silent. */
  readonly system?: boolean;
  /** What to tell a user who includes it. */
  readonly warning?: string;
  /** Folder that `"…"` inside it looks in first. */
  readonly folder?: string;
  /** Index of the search folder it came from; `#include_next` goes on behind it. */
  readonly searchIndex?: number;
}

export interface IncludeRequest {
  readonly path: string;
  /** `"…"` rather than `<…>`. */
  readonly quoted: boolean;
  /** `#include_next`. */
  readonly next: boolean;
  /** The file that asks. */
  readonly from: Header;
}

export type HeaderResolver = (request: IncludeRequest) => Header | undefined;

export interface SearchFolders {
  /** Only for `"…"`, after the folder of the file that asks (-iquote). */
  readonly quoted?: readonly string[];
  readonly user?: readonly string[];
  readonly system?: readonly string[];
  /** Text of a file, undefined if there is none. */
  read(path: string): string | undefined;
  /** One path for all spellings that name the same place: absolute, without `.` and `..`. */
  resolve?(path: string): string;
}

/** Folder of a file, as `Header` has it: '' is where paths start that are not absolute. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : slash === 0 ? '/' : path.slice(0, slash);
}

export const identityOf = (header: Header): string => header.identity ?? header.name;

/** Resolver over folders, in the order of C compilers. Each file is read once. */
export function folderResolver(folders: SearchFolders): HeaderResolver {
  const quotedCount = folders.quoted?.length ?? 0;
  const userEnd = quotedCount + (folders.user?.length ?? 0);
  const search = [...(folders.quoted ?? []), ...(folders.user ?? []), ...(folders.system ?? [])];
  const texts = new Map<string, string | undefined>();
  const read = (path: string): string | undefined => {
    if (!texts.has(path)) texts.set(path, folders.read(path));
    return texts.get(path);
  };
  const places = new Map<string, string>();
  // Behind a symbolic link `..` may lead elsewhere than the path says: another text is another file.
  const identity = (name: string, text: string): string => {
    const place = folders.resolve?.(name) ?? name;
    const known = places.get(place) ?? text;
    places.set(place, known);
    return known === text ? place : name;
  };
  const at = (folder: string, path: string, searchIndex: number | undefined, system: boolean): Header | undefined => {
    const name = folder === '' ? path : folder.endsWith('/') ? folder + path : `${folder}/${path}`;
    const text = read(name);
    if (text === undefined) return undefined;
    return {
      name,
      identity: identity(name, text),
      text,
      system,
      folder: folderOf(name),
      ...(searchIndex === undefined ? {} : { searchIndex }),
    };
  };
  return ({ path, quoted, next, from }) => {
    if (path.startsWith('/')) return at('', path, undefined, false);
    let start = quoted ? 0 : quotedCount;
    if (next && from.searchIndex !== undefined) start = from.searchIndex + 1;
    else if (quoted && !next) {
      const beside = at(from.folder ?? '', path, from.searchIndex, from.system === true);
      if (beside !== undefined) return beside;
    }
    for (let i = start; i < search.length; i++) {
      const header = at(search[i]!, path, i, i >= userEnd);
      if (header !== undefined) return header;
    }
    return undefined;
  };
}

/** Headers that exist only as texts. A header is not found again by `#include_next` from itself. */
export function virtualResolver(text: (path: string) => string | undefined): HeaderResolver {
  return ({ path, next, from }) => {
    const name = `<${path}>`;
    if (next && from.name === name) return undefined;
    const found = text(path);
    return found === undefined ? undefined : { name, text: found, system: true };
  };
}

/** The first that knows it. */
export function firstOf(...resolvers: readonly HeaderResolver[]): HeaderResolver {
  return (request) => {
    for (const resolve of resolvers) {
      const header = resolve(request);
      if (header !== undefined) return header;
    }
    return undefined;
  };
}
