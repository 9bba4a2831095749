import { readFileSync } from 'node:fs'

/** Resident bytes of a process; undefined when it has ended, or on a system without /proc. */
export function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    // It has just ended: its successor is looked at next time.
    return undefined
  }
}
