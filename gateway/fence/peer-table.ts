import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { signCall } from '#routes/call.ts'
import { headers, paths, type TableOffer } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { limits } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'
import { isSealed } from './kept-table.ts'
import type { TableHolder } from './table-holder.ts'

export interface PeerTableOptions {
  readonly holder: TableHolder
  /** Internal listeners of the other sites' gateways, as they are now. */
  readonly peers: () => Readonly<Record<Site, { readonly internal: string }>>
  readonly ring: () => KeyRing | undefined
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  readonly log: Log
  /** Between two rounds while nobody had a table, ms. Default 1,000. */
  readonly everyMs?: number
}

/** For one peer to answer, ms: a start waits for the first round. */
const deadlineMs = 1_000
/** Both documents as JSON, escapes counted. */
const answerLimitBytes = 2 * (limits.structureChars + limits.placementsChars) + 64 * 1024

/**
 * The first table of a new node whose control plane is away: the sealed documents that a peer gateway runs by. A peer is
 * not believed: what it gives goes through the one door, like every offer. Ends with the first table from anywhere.
 */
export function peerTable(options: PeerTableOptions): Part {
  const { holder, background, everyMs = 1_000 } = options
  const stopped = new AbortController()
  const askOn = async (): Promise<void> => {
    while (holder.current === undefined && !stopped.signal.aborted) {
      await pause(everyMs, undefined, { signal: stopped.signal }).catch(() => {
        // Told to stop: the loop ends.
      })
      await askAll(options, stopped.signal)
    }
  }
  return {
    name: 'first table',
    start: async () => {
      await askAll(options, stopped.signal)
      if (holder.current === undefined) background.run('ask peers for a first table', askOn)
    },
    stop: async () => stopped.abort(),
  }
}

/** Each peer's, as long as there is none: of two offers the newer one stays, whoever answers first. */
async function askAll(options: PeerTableOptions, stopped: AbortSignal): Promise<void> {
  const { holder, peers, log } = options
  if (holder.current !== undefined) return
  const asked = Object.entries(peers()).map(async ([site, { internal }]) => {
    try {
      const offer = await ask(options, site, internal, stopped)
      if (offer === undefined) return
      await holder.offer(offer)
      log.info({ peer: site, held: holder.numbers }, 'a peer gave its table')
    } catch (cause) {
      // The next round asks again; it is of use to who looks for the reason only.
      log.debug({ peer: site, err: cause }, 'a peer gave no table')
    }
  })
  await Promise.all(asked)
}

async function ask(
  { ring: now, clock, random }: PeerTableOptions,
  site: Site,
  internal: string,
  stopped: AbortSignal,
): Promise<TableOffer | undefined> {
  const ring = now()
  if (ring === undefined) throw problems['peer-unknown']({ site })
  const target = `${paths.gatewayStatus}?documents=1`
  const call = { method: 'GET', target, body: Buffer.alloc(0), audience: `gateway:${site}` }
  const dispatcher = new Agent({ maxResponseSize: answerLimitBytes, connect: { timeout: deadlineMs } })
  try {
    const answer = await request(new URL(target, internal), {
      dispatcher,
      headers: { [headers.call]: await signCall(call, ring, clock.now(), random.id()) },
      signal: AbortSignal.any([stopped, AbortSignal.timeout(deadlineMs)]),
    })
    if (answer.statusCode !== 200) throw problems['peer-refused']({ site, status: answer.statusCode })
    return documentsOf(await answer.body.json())
  } finally {
    await dispatcher.destroy()
  }
}

function documentsOf(status: unknown): TableOffer | undefined {
  const { documents } = (status ?? {}) as { documents?: { structure?: unknown; placements?: unknown } }
  const { structure, placements } = documents ?? {}
  return isSealed(structure) && isSealed(placements) ? { structure, placements } : undefined
}
