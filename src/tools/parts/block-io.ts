/**
 * The life of a block request, as tools time it:
 *
 *   made (block_io_start) ─▶ queued (block_rq_insert) ─▶ issued to the device (block_rq_issue) ─▶ completed (block_rq_complete)
 *
 * `block_io_start` came with Linux 6.5. Before, the first that is seen of a request is its insertion into a scheduler's
 * queue, or its issue where it goes past all queues.
 */
import type { ProbeChoice } from '../tool.ts';
import type { DefineValue } from './text.ts';
import { TYPED_TRACEPOINT, typedDefine, typedTracepoints } from './typed-tracepoint.ts';

/** Tracepoints of the begin, with those of issue and completion. */
function lives(id: 'made' | 'queued', begin: string, minKernel: string): readonly ProbeChoice[] {
  return typedTracepoints(begin, 'block_rq_issue', 'block_rq_complete').map((choice) => ({ ...choice, id, minKernel }));
}

export const BLOCK_IO: readonly ProbeChoice[] = [
  ...lives('made', 'block_io_start', '6.5'),
  // Before 5.11 these tracepoints had other arguments; before 5.15 a queue did not know its disk.
  ...lives('queued', 'block_rq_insert', '5.15'),
];

/** Macros for `BLOCK_EVENTS`. */
export function blockDefines(choice: ProbeChoice): Readonly<Record<string, DefineValue>> {
  return { HAS_IO_START: choice.id === 'made', ...typedDefine(choice) };
}

/**
 * Calls the tool's functions: `made(req)` where it says NEEDS_MADE, `issued(req)` where it says NEEDS_ISSUED, and
 * `completed(req)` once for each request. `was_made(req)` says whether it knows a request already.
 */
export const BLOCK_EVENTS = `
${TYPED_TRACEPOINT}
#ifdef NEEDS_MADE
#ifdef HAS_IO_START
TYPED_TRACEPOINT(block_io_start, struct request *req)
{
    made(req);
    return 0;
}
#else
TYPED_TRACEPOINT(block_rq_insert, struct request *req)
{
    made(req);
    return 0;
}
#endif
#endif

#if defined(NEEDS_ISSUED) || !defined(HAS_IO_START)
TYPED_TRACEPOINT(block_rq_issue, struct request *req)
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

TYPED_TRACEPOINT(block_rq_complete, struct request *req, int error, unsigned int bytes)
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
