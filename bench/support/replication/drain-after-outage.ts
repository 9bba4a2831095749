import { setTimeout as wait } from 'node:timers/promises'
import type { Measure, Outcomes } from './measures.ts'
import type { SideState } from './side-messages.ts'
import type { SideRunner, Surroundings } from './surroundings.ts'
import { shipped } from './write-latency.ts'

export interface Drained {
  readonly deletes: number
  readonly writtenMs: number
  /** Times that a delete was refused and asked again: a zone was late on a busy machine. */
  readonly again: number
  /** From the moment when the link was mended. */
  readonly ms: number
  /** Deleted keys that still had a value at the other site: afterwards, and while the link was down. */
  readonly left: number
  readonly leftWhileDown: number
  /** The control: whether anybody said that all was told while the link was down. */
  readonly whileDown: boolean
}

const sampled = 1_000
const prefix = 'outage'
const drainDeadlineMs = 600_000

/** So many deletes of keys, a thousand of which have a value at the other site, while nothing passes; then it is mended. */
export async function drainAfterOutage({ sides: [writer, reader] }: Surroundings, deletes: number): Promise<Drained> {
  await does(writer, { what: 'fill', prefix, count: sampled })
  await shipped(writer, 60_000)
  const there = (await does(reader, { what: 'count', prefix, count: sampled })).outcomes['hit'] ?? 0
  if (there < sampled / 2) throw new Error(`only ${there} of ${sampled} values came to the other site`)
  await writer.link.set({ kind: 'black-hole' })
  const written = await does(writer, { what: 'delete', prefix, count: deletes })
  const refused = written.outcomes['failed'] ?? 0
  if (refused > 0) throw new Error(`${refused} of ${deletes} deletes were refused`)
  await wait(1_000)
  const state = await writer.process.ask<SideState>({ do: 'state' })
  const leftWhileDown = await hitsNow(reader)
  await writer.link.set({ kind: 'none' })
  const ms = await shipped(writer, drainDeadlineMs)
  return {
    deletes,
    writtenMs: written.ms,
    again: written.again,
    ms,
    left: await hitsNow(reader),
    leftWhileDown,
    whileDown: state?.shipped !== false,
  }
}

/** Values that lie there: whether they may be read while the other site is silent is another matter. */
async function hitsNow(reader: SideRunner): Promise<number> {
  return (await does(reader, { what: 'count', prefix, count: sampled })).outcomes['hit'] ?? 0
}

async function does(side: SideRunner, measure: Measure): Promise<Outcomes> {
  const outcomes = await side.process.ask<Outcomes>({ do: 'measure', measure })
  if (outcomes === undefined) throw new Error(`the side ${side.fixed.site} ended`)
  return outcomes
}
