import { eventually } from '../../../test/support/eventually.ts'
import { nowMs } from '../open-loop.ts'
import type { Surroundings } from './surroundings.ts'

export interface Restarted {
  readonly pending: number
  readonly pendMs: number
  /** From the start of the process until it listened. */
  readonly readyMs: number
  /** From the start of the process until the other site had the first records. */
  readonly shipsAfterMs: number
}

/** A process with so much to tell is killed and started again. */
export async function restartWithPending(
  { sides: [writer, reader] }: Surroundings,
  pending: number,
): Promise<Restarted> {
  await writer.link.set({ kind: 'refuse' })
  const pendMs = await writer.process.ask<number>({ do: 'pend', count: pending })
  await writer.kill()
  await reader.process.ask({ do: 'listen' })
  reader.receivedAtMs = undefined
  await writer.link.set({ kind: 'none' })
  const startedAtMs = nowMs()
  await writer.start()
  const receivedAtMs = await eventually(() => reader.receivedAtMs, {
    deadlineMs: 120_000,
    everyMs: 5,
    what: 'records of a process that was started again',
  })
  return {
    pending,
    pendMs: pendMs ?? 0,
    readyMs: writer.process.readyAfterMs,
    shipsAfterMs: receivedAtMs - startedAtMs,
  }
}
