/** One storm: users ask all the time, and every few seconds the unit is flipped or rolled back under them. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ChangeAnswer } from '../../../control-plane/api-client/schema.ts'
import { Random } from '../../../test/properties/generators/random.ts'
import { nowMs } from '../open-loop.ts'
import { auditStorm, type StormVerdict } from './storm-audit.ts'
import type { StormBed } from './storm-bed.ts'
import { unit } from './storm-catalog.ts'
import { StormLoad } from './storm-load.ts'
import { type Changed, StormRecord } from './storm-record.ts'

export interface StormOptions {
  /** Begins the ids of its writes. */
  readonly run: string
  readonly seed: number
  readonly perSecond: number
  readonly streams: number
  readonly sockets: number
  readonly everyMs: number
  readonly changes: number
}

export interface StormResult extends StormVerdict {
  readonly perSecond: number
  /** What the loader sent of what it had planned. */
  readonly sentShare: number
  /** Requests that a gateway passed on to the other site, since an edge sent them by an older table. */
  readonly forwarded: number
}

/** How a unit is changed, and where users ask. */
export interface Through {
  readonly url: string
  change(at: number): Promise<Omit<Changed, 'what' | 'calledAt' | 'heldAt'>>
}

/** Basis points. */
const whole = 10_000

/** On a bed whose unit is at onprem; it is there again at the end. */
export async function storm(bed: StormBed, options: StormOptions, through = byTidegate(bed)): Promise<StormResult> {
  const { run, seed, everyMs, changes, perSecond, streams, sockets } = options
  const loaderFile = join(bed.system.home, `${run}.jsonl`)
  const before = await forwardedSoFar(bed)
  let sentShare: number
  {
    using record = new StormRecord(loaderFile)
    record.add({
      what: 'changed',
      name: 'at onprem',
      calledAt: 0,
      heldAt: 0,
      epoch: 0,
      writes: 'onprem',
      reads: 'onprem',
    })
    await using load = new StormLoad({
      ...{ url: through.url, perSecond, streams, sockets, record, run },
      users: bed.users,
      random: new Random(seed),
    })
    for (let at = 0; at < changes; at++) {
      const due = wait(everyMs)
      record.add(await timed(() => through.change(at)))
      await due
    }
    sentShare = load.sentShare
    await load.stop()
  }
  const forwarded = (await forwardedSoFar(bed)) - before
  return { ...auditStorm(loaderFile, bed.files, run), perSecond, sentShare, forwarded }
}

async function timed(change: () => ReturnType<Through['change']>): Promise<Changed> {
  const calledAt = nowMs()
  const changed = await change()
  return { what: 'changed', calledAt, heldAt: nowMs(), ...changed }
}

/** Some readers, then all of them and the writes, and back; then all at once, and back, for as long as it lasts. */
export function byTidegate({ system: { client, demo } }: StormBed): Through {
  const steps = [
    { name: 'flip to cloud, 50 % of reads', call: (reason: string) => flip({ to: 'cloud', reads: 5_000, reason }) },
    { name: 'flip to cloud', call: (reason: string) => flip({ to: 'cloud', reason }) },
    { name: 'rollback', call: (reason: string) => client.rollback(unit, reason, '*') },
    { name: 'flip to cloud', call: (reason: string) => flip({ to: 'cloud', reason }) },
    { name: 'rollback', call: (reason: string) => client.rollback(unit, reason, '*') },
  ]
  const flip = (body: Parameters<typeof client.flip>[1]): Promise<ChangeAnswer> => client.flip(unit, body, '*')
  return {
    url: demo.edge,
    async change(at) {
      const { name, call } = steps[at % steps.length] as (typeof steps)[number]
      const { epoch, placement, waiting, gateways } = await call('flip-storm')
      const { owner, moving } = placement
      const held = waiting.length === 0 && gateways.length >= 2
      return {
        name,
        epoch,
        writes: moving?.writes === whole ? moving.to : owner,
        ...(moving === undefined ? { reads: owner } : moving.reads === whole ? { reads: moving.to } : {}),
        ...(!held && { fault: `not every gateway holds it: ${JSON.stringify(waiting)}` }),
      }
    },
  }
}

/** As the gateways count it. */
async function forwardedSoFar({ system: { demo } }: StormBed): Promise<number> {
  const counts = Object.values(demo.gateways).map(async ({ internal }) => {
    const answer = await fetch(`${internal}/metrics`, { headers: { authorization: `Bearer ${demo.opsToken}` } })
    if (answer.status !== 200) throw new Error(`metrics of ${internal}: ${answer.status}`)
    const text = await answer.text()
    return Number(/^tidegate_fence_verdicts_total\{.*verdict="forward".*\} (\d+)/m.exec(text)?.[1] ?? 0)
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}
