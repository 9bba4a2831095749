/** The workerd processes of the edge are replaced, and one is killed, while users ask. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { eventually } from '../../../test/support/eventually.ts'
import { nowMs } from '../open-loop.ts'
import type { RunningSystem } from '../start-system.ts'
import type { Clients } from './clients.ts'
import { ms } from './placement-steps.ts'
import type { StepResult } from './report.ts'
import { listOrders } from './requests.ts'
import type { User } from './users.ts'

const replacedWithinMs = 30_000
/** More than fit at once into the few ms after the kill, so that some find nobody who accepts. */
const freshConnections = 40

/** The supervisor starts the successor of each, and only then is it drained: nobody may notice, whatever was under way. */
export async function edgeReplaced(system: RunningSystem, clients: Clients): Promise<StepResult> {
  const before = await edgeProcesses(system)
  const startedAt = nowMs()
  system.program('edge').signal('SIGUSR2')
  const replaced = async () => {
    const now = await edgeProcesses(system)
    return now.length === before.length && now.every((pid) => !before.includes(pid))
  }
  await eventually(replaced, { deadlineMs: replacedWithinMs, everyMs: 50, what: 'other processes at the edge' })
  const meanwhile = clients.since(startedAt)
  const failed = meanwhile.filter(({ fault }) => fault !== undefined).length
  return {
    figures: `${before.length} in ${ms(nowMs() - startedAt)}; ${meanwhile.length} requests meanwhile, ${failed} failed`,
    // What failed is told and judged at the end, with all the rest.
    faults: [],
  }
}

/**
 * Killed between two requests of each client, with all their connections open. Clients see those end and make others, as
 * any HTTP client does; new ones wait in the socket that the supervisor holds, and none is refused.
 */
export async function edgeKilled(system: RunningSystem, clients: Clients, users: readonly User[]): Promise<StepResult> {
  const [victim, ...others] = await edgeProcesses(system)
  if (victim === undefined) throw new Error('the edge has no process')
  await clients.pause()
  process.kill(victim, 'SIGKILL')
  const killedAt = nowMs()
  const asked = users.slice(0, freshConnections).map((user) => askAnew(clients, system.demo.edge, user))
  await eventually(() => hasEnded(victim), { what: 'the end of a killed process' })
  clients.resume()
  const fresh = await Promise.all(asked)
  const whole = async () => {
    const now = await edgeProcesses(system)
    return now.length === others.length + 1 && !now.includes(victim)
  }
  await eventually(whole, { deadlineMs: replacedWithinMs, what: 'another process in its place' })
  const refused = fresh.flatMap(({ fault }) => (fault === undefined ? [] : [fault]))
  const longest = Math.max(...fresh.map(({ sentAt, answeredAt }) => answeredAt - sentAt))
  return {
    figures:
      `${fresh.length} fresh connections at once, ${refused.length} failed, longest ${ms(longest)}; ` +
      `whole again after ${ms(nowMs() - killedAt)}`,
    faults: refused.slice(0, 5),
  }
}

/** By the list that the supervisor keeps. */
async function edgeProcesses({ home }: RunningSystem): Promise<readonly number[]> {
  return JSON.parse(await readFile(join(home, 'edge', 'run', 'children.json'), 'utf8'))
}

async function askAnew(clients: Clients, url: string, user: User) {
  const connection = new Pool(url, { connections: 1 })
  try {
    return await clients.ask(listOrders(user), connection)
  } finally {
    await connection.close()
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
