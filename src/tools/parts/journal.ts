/**
 * Entries for the systemd journal, by its native protocol: one datagram an entry, to a socket in the file system.
 *
 *   NAME=value\n                                          what has no line break
 *   NAME\n  length (u64, little endian)  value  \n        any bytes
 *
 * Names are capitals, digits and underscores; the journal drops those that begin with an underscore, and adds its own.
 * Source: systemd's "Native Journal Protocol".
 */
import { UsageError } from '../../kernel/errors.ts';
import { type Kernel, KernelError } from '../../kernel/port.ts';

const SOCKET = '/run/systemd/journal/socket';
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

export type JournalFields = Readonly<Record<string, string | number>>;

export function journalEntry(fields: JournalFields): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const bytes = Buffer.from(String(value));
    if (!bytes.includes(0x0a)) parts.push(Buffer.from(`${name}=`), bytes, Buffer.from('\n'));
    else {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n'));
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

export interface Journal extends Disposable {
  /** Throws `UsageError` when the journal does not listen any more. */
  send(fields: JournalFields): void;
}

/** Throws `UsageError` where no journal listens. */
export function openJournal(kernel: Kernel): Journal {
  if (!kernel.exists(SOCKET)) throw noJournal('it is not there');
  const address = new Uint8Array([AF_UNIX, 0, ...Buffer.from(`${SOCKET}\0`)]);
  const fd = kernel.syscall('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return {
    send(fields) {
      const entry = journalEntry(fields);
      try {
        kernel.syscall('sendto', fd, entry, entry.length, MSG_NOSIGNAL, address, address.length);
      } catch (error) {
        if (error instanceof KernelError && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT'))
          throw noJournal('nobody listens there');
        throw error;
      }
    },
    [Symbol.dispose]: () => kernel.close(fd),
  };
}

function noJournal(why: string): UsageError {
  return new UsageError(
    `entries for the systemd journal go to ${SOCKET}, and ${why}`,
    [],
    'run without it, or where systemd-journald runs',
  );
}
