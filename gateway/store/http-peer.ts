import { Pool } from 'undici'
import { paths } from '#routes/messages.ts'
import { problems } from '../errors.ts'
import { type Acknowledgement, type Batch, batchMediaType, encodeBatch } from './batch.ts'
import type { ReplicationPeer } from './replication-peer.ts'

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

/** The peer gateway over HTTP: one kept connection a lane. */
export class HttpPeer implements ReplicationPeer {
  readonly #options: HttpPeerOptions
  readonly #pool: Pool
  readonly #deadlineMs: number

  constructor(options: HttpPeerOptions) {
    this.#options = options
    this.#deadlineMs = options.deadlineMs ?? 5_000
    this.#pool = new Pool(options.origin, {
      connections: 4,
      pipelining: 1,
      connect: { timeout: options.connectDeadlineMs ?? 1_000 },
      headersTimeout: this.#deadlineMs,
      bodyTimeout: this.#deadlineMs,
      maxResponseSize: answerLimitBytes,
    })
  }

  async send(batch: Batch): Promise<Acknowledgement> {
    const body = encodeBatch(batch)
    const signed = await this.#options.sign('POST', paths.replicate, body)
    const answer = await this.#pool.request({
      method: 'POST',
      path: paths.replicate,
      headers: { ...signed, 'content-type': batchMediaType },
      body,
      signal: AbortSignal.timeout(this.#deadlineMs),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw problems['cache-peer-refused']({ because: `status ${answer.statusCode}` })
    const acknowledgement = readAcknowledgement(text)
    if (acknowledgement === undefined)
      throw problems['cache-peer-refused']({ because: 'its answer is not as described' })
    return acknowledgement
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
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
  return isCount(through) && isCount(applied) && isCount(older) && isCount(expired) && isCount(failed)
    ? { through, applied, older, expired, failed }
    : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
