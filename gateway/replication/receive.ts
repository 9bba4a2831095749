import type { FastifyInstance } from 'fastify'
import { paths } from '#routes/messages.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'
import { applyBatch, applyBumps, type ReceiverOptions } from './apply-batch.ts'
import { type Acknowledgement, type Batch, batchLimitBytes, batchMediaType, decodeBatch } from './batch.ts'
import { unpackBatch } from './packed-batch.ts'
import { type Gap, gaps, hear, markAfter, type ReplicationLedger } from './replication-ledger.ts'
import type { Silence } from './silence.ts'

/** A call as it came: what its signature covers. */
export interface ReceivedCall {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
}

export type ReceivedHead = Omit<ReceivedCall, 'body'>

export interface ReplicationOptions extends ReceiverOptions {
  /** Whether a peer gateway signed the head of this call; asked before its body is read, so that strangers hold nothing. */
  readonly announced: (head: ReceivedHead) => boolean | Promise<boolean>
  /** Whether a peer gateway signed this call. */
  readonly verify: (call: ReceivedCall) => boolean | Promise<boolean>
  readonly ledger: ReplicationLedger
  readonly silence: Pick<Silence, 'heard' | 'parted'>
  readonly shared: Pick<SharedZoneState, 'raise'>
  readonly gaps?: Counter<'reason'>
  /** For the body of one call, ms; default 5,000, after which its sender does not wait any more. */
  readonly bodyDeadlineMs?: number
}

export const gapReasons = gaps

/** Batches that are read or applied at once: a bound on what they take of the memory. */
const batchesAtOnce = 32
const retryAfterS = 1

/** Fastify plugin: takes the cache writes of other sites. Needs `installProblemReplies` on its app. */
export async function replicationRoutes(app: FastifyInstance, options: ReplicationOptions): Promise<void> {
  const { announced, bodyDeadlineMs = 5_000 } = options
  let underWay = 0
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    batchMediaType,
    { parseAs: 'buffer', bodyLimit: batchLimitBytes },
    (_request, body: Buffer, done) => {
      done(null, body)
    },
  )
  // Before the body is read.
  app.addHook('onRequest', async ({ raw, method, headers }, reply) => {
    const isPeer = await announced({ method, target: raw.url ?? '', headers })
    // Gone while we looked: no end of it will be told.
    if (isPeer && raw.socket.destroyed) return
    if (isPeer) {
      // A wire that was cut in the middle of a body would else keep its place here for ever.
      const late = setTimeout(() => raw.complete || raw.destroy(), bodyDeadlineMs)
      reply.raw.once('close', () => {
        clearTimeout(late)
        underWay--
      })
      if (++underWay <= batchesAtOnce) return
    }
    // The body will not be read: what is sent of it must not be taken for the next call.
    reply.header('connection', 'close')
    if (!isPeer) throw problems['cache-unauthenticated']()
    reply.header('retry-after', String(retryAfterS))
    throw problems['cache-receiver-busy']({ batches: batchesAtOnce })
  })
  app.post<{ Body: Buffer | undefined }>(paths.replicate, async (request, reply) => {
    const body = request.body ?? Buffer.alloc(0)
    const { method, headers } = request
    const signed = await options.verify({ method, target: request.raw.url ?? '', headers, body })
    if (!signed) throw problems['cache-unauthenticated']()
    const unpacked = await unpackBatch(body, headers['content-encoding'])
    if (unpacked === 'too-large') throw problems['cache-batch-too-large']({ limit: batchLimitBytes })
    if (unpacked === 'unreadable') throw unreadable('it is not packed as its content-encoding says')
    const decoded = decodeBatch(unpacked)
    if (decoded.kind === 'unreadable') throw unreadable(decoded.because)
    const received = await receiveBatch(decoded.batch, options)
    if (received.kind === 'taken') return received.acknowledgement
    reply.header('retry-after', String(retryAfterS))
    throw problems['cache-receiver-away']({ because: received.because })
  })
}

const unreadable = (because: string) => problems['cache-batch-unreadable']({ because })

type Received =
  | { readonly kind: 'taken'; readonly acknowledgement: Acknowledgement }
  | { readonly kind: 'refused'; readonly because: string }

/**
 * Takes one batch of a peer. Where something of its writer may be missing here (rule J6), all values of the site are given up
 * before it goes on. `refused`: nothing of it counts as done.
 */
export async function receiveBatch(batch: Batch, options: ReplicationOptions): Promise<Received> {
  const { ledger, silence } = options
  const { header } = batch
  const { site, place, lane } = header
  const found = await ledger.find(site, place, lane)
  const { gap, row } = hear(found, header)
  if (gap !== undefined && !(await giveUpAll(gap, batch, options)))
    return { kind: 'refused', because: 'the floor of the site could not be raised' }
  if (row !== undefined) silence.heard(row)
  if (!(await applyBumps(header, options))) return { kind: 'refused', because: 'a zone did not take a bump' }
  const acknowledgement = await applyBatch(batch, options)
  if (row !== undefined) await ledger.note(row, lane, markAfter(found.mark, header, acknowledgement.through, gap))
  if (header.closed) await silence.parted(site, place)
  return { kind: 'taken', acknowledgement }
}

async function giveUpAll(gap: Gap, { header }: Batch, options: ReplicationOptions): Promise<boolean> {
  const { shared, stampClock, log } = options
  const { site, place, lane } = header
  const stamp = stampClock.next()
  if (!(await shared.raise('*', stamp))) return false
  options.gaps?.inc({ reason: gap })
  log.error(
    { from: site, place, lane, reason: gap, stamp: String(stamp) },
    'invalidations of another site may be missing: every value of this site is given up',
  )
  return true
}
