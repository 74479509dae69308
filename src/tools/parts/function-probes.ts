/**
 * A function's entry and return, by trampoline or by kprobe, with one text for both:
 *
 *   ENTRY(vfs_read, struct file *file, char *buf, size_t count) { … }
 *   RETURN(vfs_read, (struct file *file, char *buf, size_t count, loff_t *pos), ssize_t) { … ret … }
 *
 * A trampoline sees arguments and result together at the return; the list must be the whole signature. A kprobe sees the
 * result alone: what the return needs of the arguments is kept at the entry.
 */
export const FUNCTION_PROBES = `
#ifdef BY_TRAMPOLINE
#define ENTRY(function, arguments...) KFUNC_PROBE(function, ##arguments)
#define ALL(arguments...) arguments
#define RETURN(function, arguments, type) KRETFUNC_PROBE(function, ALL arguments, type ret)
#define RESULT ret
#else
#define ENTRY(function, arguments...) int kprobe__##function(struct pt_regs *ctx, ##arguments)
#define RETURN(function, arguments, type) int kretprobe__##function(struct pt_regs *ctx)
#define RESULT PT_REGS_RC(ctx)
#endif
`;
