/** Fields that many tools' records have, described once. */
import type { FieldDoc } from '../tool.ts';

export const TIME: FieldDoc = { name: 'time', type: 'string', help: 'when, ISO 8601 in UTC with milliseconds' };
export const PID: FieldDoc = { name: 'pid', type: 'integer', help: 'process id' };
export const TID: FieldDoc = { name: 'tid', type: 'integer', help: 'thread id' };
export const UID: FieldDoc = { name: 'uid', type: 'integer', help: 'user id' };
export const PPID: FieldDoc = { name: 'ppid', type: 'integer', help: 'process id of the parent' };
export const COMM: FieldDoc = { name: 'comm', type: 'string', help: 'name of the process' };
export const RET: FieldDoc = { name: 'ret', type: 'integer', help: 'what the call returned; negative: -errno' };
