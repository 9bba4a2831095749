import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '#server-kit/log.ts'
import type { RunFolder } from './run-folder.ts'

const lookMs = 20
const limitMs = 2_000

/**
 * Ends the workerd processes of a supervisor that was killed: they hold the port and route by a table that nobody renews.
 * They are known by id and by the configuration that they run, so that a reused id never hits another program.
 */
export async function endOrphans(folder: Pick<RunFolder, 'toldChildren' | 'isOurs'>, log: Log): Promise<void> {
  const pids = await folder.toldChildren()
  await Promise.all(pids.map((pid) => endOrphan(pid, folder, log)))
}

async function endOrphan(pid: number, folder: Pick<RunFolder, 'isOurs'>, log: Log): Promise<void> {
  for (let waitedMs = 0; waitedMs < 2 * limitMs && folder.isOurs(await argumentsOf(pid)); waitedMs += lookMs) {
    if (waitedMs === 0) log.warn({ pid }, 'a workerd process of a killed supervisor is ended')
    if (waitedMs === 0) tell(pid, 'SIGTERM')
    if (waitedMs === limitMs) tell(pid, 'SIGKILL')
    await pause(lookMs)
  }
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has just ended, or is another user's: then a taken port says so when it is bound.
  }
}

async function argumentsOf(pid: number): Promise<string[]> {
  // No such process, or a system without /proc: then a taken port says so when it is bound.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return commandLine.split('\0')
}
