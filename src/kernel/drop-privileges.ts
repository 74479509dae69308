/**
 * Giving up privileges once everything is attached: descriptors stay good, new programs are no longer possible.
 *
 *   root (uid 0)            ─▶ another user: libc changes all threads, and with uid 0 go all capabilities
 *   a user with CAP_BPF, …  ─▶ capset on this thread; the kernel offers it for single threads only, and Node has others
 *
 * So the second way is checked afterwards, thread by thread, and is an error if anything is left.
 */
import { PrivilegeError, UserError } from './errors.ts';
import type { Kernel } from './port.ts';
import { readTextIfThere } from './text.ts';

const CAPABILITY_VERSION_3 = 0x2008_0522;
const NOBODY = 65534;

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Who called sudo, else nobody. */
export function defaultIdentity(environment: Readonly<Record<string, string | undefined>> = process.env): Identity {
  const id = (text: string | undefined): number => (/^\d+$/.test(text ?? '') ? Number(text) : 0);
  const uid = id(environment['SUDO_UID']);
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid: id(environment['SUDO_GID']) || NOBODY };
}

/** Gives up all capabilities of this process for good. `to`: the user to become, if it is root now. */
export function dropPrivileges(kernel: Kernel, to: Identity = defaultIdentity()): Identity {
  const { setgroups, setgid, setuid, getuid } = process;
  if (!setgroups || !setgid || !setuid || !getuid) throw new UserError('dropping privileges: this system has no users');
  if (getuid() === 0) {
    if (to.uid === 0) throw new UserError('dropping privileges: the user to become is root');
    setgroups([to.gid]);
    setgid(to.gid);
    setuid(to.uid);
  } else {
    const header = new Uint8Array(Uint32Array.of(CAPABILITY_VERSION_3, 0).buffer);
    kernel.syscall('capset', header, new Uint8Array(24));
  }
  const left = threadsWithCapabilities(kernel);
  if (left.length > 0)
    throw new PrivilegeError(
      'dropping privileges',
      [],
      `${left.length} threads of this process still have capabilities, which only root can change for all: start as root (sudo) instead`,
    );
  return { uid: process.getuid?.() ?? to.uid, gid: process.getgid?.() ?? to.gid };
}

function threadsWithCapabilities(kernel: Kernel): string[] {
  return kernel.readdir('/proc/self/task').filter((thread) => {
    const status = readTextIfThere(kernel, `/proc/self/task/${thread}/status`) ?? '';
    return /^Cap(?:Eff|Prm):\s*0*[1-9a-f]/m.test(status);
  });
}
