/**
 * The typedefs of the kernel and of stdint.h that programs take for granted, for a target without BTF or whose BTF
 * lacks them. Values are specifier words.
 */
import type { QualType } from '../types.ts';
import { pointer, Q, qual, typeOfWords } from './types/basic.ts';

const TABLE: Readonly<{ [words: string]: string }> = {
  'signed char': 's8 __s8 int8_t',
  'unsigned char': 'u8 __u8 uint8_t u_char u_int8_t unchar uchar',
  short: 's16 __s16 int16_t',
  'unsigned short': 'u16 __u16 uint16_t u_short u_int16_t ushort umode_t __le16 __be16 __sum16 __kernel_sa_family_t sa_family_t',
  int: 's32 __s32 int32_t pid_t __kernel_pid_t key_t clockid_t __kernel_clockid_t timer_t wchar_t',
  'unsigned int':
    'u32 __u32 uint32_t u_int u_int32_t uint uid_t gid_t qid_t __kernel_uid32_t __kernel_gid32_t gfp_t ' +
    'fmode_t slab_flags_t dev_t __kernel_dev_t nlink_t __le32 __be32 __wsum __poll_t',
  'long long': 's64 __s64 int64_t ktime_t loff_t __kernel_loff_t time64_t',
  'unsigned long long': 'u64 __u64 uint64_t u_int64_t sector_t __le64 __be64 __addrpair blkcnt_t',
  long: 'ssize_t __kernel_ssize_t ptrdiff_t intptr_t off_t __kernel_off_t __kernel_time_t time_t clock_t __kernel_long_t',
  'unsigned long': 'size_t __kernel_size_t uintptr_t u_long ulong ino_t __kernel_ino_t __kernel_ulong_t pgoff_t cycles_t',
  _Bool: 'bool',
  __int128: '__s128 s128 __int128_t',
  'unsigned __int128': '__u128 u128 __uint128_t',
};

let byName: Map<string, QualType> | undefined;

/** Names that mean the same on every 64-bit Linux: nobody needs to look into BTF for them. */
const FIXED = new Set([
  ...['u', 's'].flatMap((sign) => [8, 16, 32, 64].flatMap((bits) => [`${sign}${bits}`, `__${sign}${bits}`])),
  ...[8, 16, 32, 64].flatMap((bits) => [`int${bits}_t`, `uint${bits}_t`]),
  ...[16, 32, 64].flatMap((bits) => [`__be${bits}`, `__le${bits}`]),
  'bool',
  'size_t',
  'ssize_t',
  'pid_t',
  'uid_t',
  'gid_t',
  'dev_t',
  'sector_t',
  'loff_t',
  '__builtin_va_list',
]);

export function fixedTypedef(name: string): QualType | undefined {
  return FIXED.has(name) ? fallbackTypedef(name) : undefined;
}

export function fallbackTypedef(name: string): QualType | undefined {
  if (!byName) {
    byName = new Map();
    // What it is for BPF. No function can take a variable number of arguments, but every vmlinux.h names it.
    byName.set('__builtin_va_list', qual(pointer(Q.void), 0, undefined, '__builtin_va_list'));
    for (const words of Object.keys(TABLE)) {
      const type = typeOfWords(words.split(' '));
      if (!type) throw new Error(`fallback typedefs: '${words}' is no type`);
      for (const n of (TABLE[words] as string).split(' ')) byName.set(n, qual(type, 0, undefined, n));
    }
  }
  return byName.get(name);
}

/** For "did you mean". */
export function fallbackNames(): string[] {
  fallbackTypedef('');
  return [...(byName as Map<string, QualType>).keys()];
}
