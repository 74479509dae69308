/** The state of a task, by its name in this kernel: `state_of(task)`. */
export const TASK_STATE = `
/* The kernel before 5.14 calls it 'state'. */
struct task_struct___before_5_14 { long state; };

static inline long state_of(struct task_struct *task)
{
    if (__builtin_preserve_field_info(task->__state, 2))
        return task->__state;
    return ((struct task_struct___before_5_14 *)task)->state;
}
`;
