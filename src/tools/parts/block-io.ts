/**
 * The life of a block request, as tools time it:
 *
 *   made (block_io_start) ─▶ queued (block_rq_insert) ─▶ issued to the device (block_rq_issue) ─▶ completed (block_rq_complete)
 *
 * `block_io_start` came with Linux 6.5. Before, the first that is seen of a request is its insertion into a scheduler's
 * queue, or its issue where it goes past all queues.
 */
import type { ProbeChoice } from '../tool.ts';

const ALWAYS = [{ kind: 'tp_btf', targets: ['block_rq_issue', 'block_rq_complete'] }] as const;

export const BLOCK_IO: readonly ProbeChoice[] = [
  { id: 'made', kind: 'tp_btf', targets: ['block_io_start'], also: ALWAYS, minKernel: '6.5' },
  { id: 'queued', kind: 'tp_btf', targets: ['block_rq_insert'], also: ALWAYS },
];

/** Macros for `BLOCK_EVENTS`. */
export function blockDefines(choice: ProbeChoice): { readonly HAS_IO_START: boolean } {
  return { HAS_IO_START: choice.id === 'made' };
}

/**
 * Calls the tool's functions: `made(req)` where it says NEEDS_MADE, `issued(req)` where it says NEEDS_ISSUED, and
 * `completed(req)` once for each request. `was_made(req)` says whether it knows a request already.
 */
export const BLOCK_EVENTS = `
#ifdef NEEDS_MADE
#ifdef HAS_IO_START
BTF_TRACEPOINT_PROBE(block_io_start, struct request *req)
{
    made(req);
    return 0;
}
#else
BTF_TRACEPOINT_PROBE(block_rq_insert, struct request *req)
{
    made(req);
    return 0;
}
#endif
#endif

#if defined(NEEDS_ISSUED) || !defined(HAS_IO_START)
BTF_TRACEPOINT_PROBE(block_rq_issue, struct request *req)
{
#if defined(NEEDS_MADE) && !defined(HAS_IO_START)
    /* With a scheduler most were seen when they were queued, and those that go past it were not. */
    if (!req->q->elevator || !was_made(req))
        made(req);
#endif
#ifdef NEEDS_ISSUED
    issued(req);
#endif
    return 0;
}
#endif

BTF_TRACEPOINT_PROBE(block_rq_complete, struct request *req, int error, unsigned int bytes)
{
    /* Completions come in parts: the last one counts. */
    if (bytes < req->__data_len)
        return 0;
    completed(req);
    return 0;
}
`;

/** The number of a request's disk, packed as the kernel does. */
export const DISK_OF = `
static inline u32 disk_of(struct request *req)
{
    struct gendisk *disk = req->q->disk;
    return disk->major << 20 | disk->first_minor;
}
`;
