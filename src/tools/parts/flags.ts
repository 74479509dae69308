/** Flags that many tools have, described once. A tool changes what is different: `{ ...PID_FLAG, help: '…' }`. */
export const PID_FLAG = { type: 'pid', short: 'p', help: 'only this process' } as const;
export const UID_FLAG = { type: 'uid', short: 'u', help: 'only this user' } as const;
