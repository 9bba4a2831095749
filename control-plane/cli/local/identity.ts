/** A process told apart from a later one that was given the same id. */
import { readFileSync } from 'node:fs'

export interface Identity {
  readonly pid: number
  /** When it began, in the kernel's words; empty where the system does not tell. */
  readonly born: string
}

export function identify(pid: number): Identity {
  return { pid, born: bornOf(pid) }
}

/** Whether that very process still runs. */
export function isAlive({ pid, born }: Identity): boolean {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    // EPERM: it runs, as another user.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
  return born === '' || bornOf(pid) === born
}

/** Whether a process of this group still runs: the ports of a program may be held by what it started itself. */
export function hasMembers(group: number): boolean {
  try {
    process.kill(-group, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Fields 3 and 22 of /proc/PID/stat; the name before them may hold spaces and brackets, so it is counted from the last. */
function bornOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '')
  } catch {
    // No /proc on this system, or the process has just ended.
    return ''
  }
}
