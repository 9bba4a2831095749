/** CPU time of other processes, as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs'

/** All threads of these processes together, user and system, ms. One that has ended counts nothing. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ofProcess(pid), 0)
}

/** By thread: the file of the process itself tells of its first thread alone, in ns; `stat` counts in steps of 10 ms. */
function ofProcess(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.reduce((sum, thread) => sum + ofThread(pid, thread), 0) / 1e6
  } catch {
    // It ended, or there is no /proc: nothing can be told of it.
    return 0
  }
}

function ofThread(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0])
  } catch {
    // A thread that ended between the list and this look.
    return 0
  }
}
