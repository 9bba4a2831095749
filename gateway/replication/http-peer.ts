import { Client } from 'undici'
import { paths } from '#routes/messages.ts'
import { problems } from '../errors.ts'
import { laneCount } from '../journal/journal.ts'
import { type Acknowledgement, batchMediaType, encodeBatch } from './batch.ts'
import { packBatch } from './packed-batch.ts'
import type { OutgoingBatch, ReplicationPeer, Sent } from './replication-peer.ts'

export interface HttpPeerOptions {
  /** Of the peer gateway's internal listener. */
  readonly origin: string
  /** Headers that prove who calls. */
  readonly sign: (
    method: string,
    target: string,
    body: Uint8Array,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
  /** For one batch, from the first byte sent to the last one received, ms; default 5,000. */
  readonly deadlineMs?: number
  /** Default 1,000. */
  readonly connectDeadlineMs?: number
}

const answerLimitBytes = 4096
/** However long the other site asks us to wait, ms: it may be back before. */
const longestWaitMs = 30_000
const defaultWaitMs = 1_000

/** The peer gateway over HTTP: one kept connection a lane, so that each lane meets one process there. */
export class HttpPeer implements ReplicationPeer {
  readonly #options: HttpPeerOptions
  readonly #lanes: readonly Client[]
  readonly #deadlineMs: number

  constructor(options: HttpPeerOptions) {
    this.#options = options
    this.#deadlineMs = options.deadlineMs ?? 5_000
    this.#lanes = Array.from(
      { length: laneCount },
      () =>
        new Client(options.origin, {
          pipelining: 1,
          connect: { timeout: options.connectDeadlineMs ?? 1_000 },
          headersTimeout: this.#deadlineMs,
          bodyTimeout: this.#deadlineMs,
          maxResponseSize: answerLimitBytes,
        }),
    )
  }

  async send({ header, records }: OutgoingBatch): Promise<Sent> {
    const { body, encoding } = await packBatch(encodeBatch(header, records))
    const signed = await this.#options.sign('POST', paths.replicate, body)
    const answer = await (this.#lanes[header.lane % laneCount] as Client).request({
      method: 'POST',
      path: paths.replicate,
      headers: {
        ...signed,
        'content-type': batchMediaType,
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      },
      body,
      signal: AbortSignal.timeout(this.#deadlineMs),
    })
    const text = await answer.body.text()
    const because = `status ${answer.statusCode}`
    if (answer.statusCode === 413) return { kind: 'too-large' }
    if (answer.statusCode === 429 || answer.statusCode === 503)
      return { kind: 'later', afterMs: waitMs(answer.headers['retry-after']), because }
    if (answer.statusCode !== 200) throw problems['cache-peer-refused']({ because })
    const acknowledgement = readAcknowledgement(text)
    if (acknowledgement === undefined)
      throw problems['cache-peer-refused']({ because: 'its answer is not as described' })
    return { kind: 'taken', acknowledgement, bytes: body.length }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.destroy()))
  }
}

/** Seconds; a date is not worth the trust in two clocks. */
function waitMs(retryAfter: string | string[] | undefined): number {
  const seconds = typeof retryAfter === 'string' && /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined
  return seconds === undefined ? defaultWaitMs : Math.min(seconds * 1_000, longestWaitMs)
}

function readAcknowledgement(text: string): Acknowledgement | undefined {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    // Told by the caller as an answer that is not as described.
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { through, applied, older, expired, failed } = read as Record<keyof Acknowledgement, unknown>
  if (typeof through !== 'object' || through === null) return undefined
  const { invalidations, values } = through as Record<keyof Acknowledgement['through'], unknown>
  return isCount(invalidations) &&
    isCount(values) &&
    isCount(applied) &&
    isCount(older) &&
    isCount(expired) &&
    isCount(failed)
    ? { through: { invalidations, values }, applied, older, expired, failed }
    : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
