/** Why a file could not be read or written, in words: Node's message names the path once more. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
};

export function fileReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // 'EMFILE: too many open files, open '/a/b''
  return WORDS[code] ?? message.replace(/^[A-Z]\w+: /, '').replace(/, \w+(?: '.*')?$/, '');
}
