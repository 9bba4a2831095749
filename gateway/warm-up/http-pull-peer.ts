import { Pool } from 'undici'
import { paths } from '#routes/messages.ts'
import { jsonObjectIn } from '../internal/json-object.ts'
import { decodeRecord } from '../store/operation-record.ts'
import type { PulledValue, PullPeer } from './pull-peer.ts'

export interface HttpPullPeerOptions {
  /** Of the other site's internal listener. */
  readonly origin: string
  /** Headers that prove who calls. */
  readonly sign: (method: string, target: string, body: Uint8Array) => Promise<Readonly<Record<string, string>>>
}

/** The largest value with its envelope and key, and room to spare. */
const answerLimitBytes = 2 * 1024 * 1024
const connectMs = 1_000
const connections = 8

/** The other site's gateway over HTTP. */
export class HttpPullPeer implements PullPeer {
  readonly #sign: HttpPullPeerOptions['sign']
  readonly #pool: Pool

  constructor({ origin, sign }: HttpPullPeerOptions) {
    this.#sign = sign
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      connect: { timeout: connectMs },
      maxResponseSize: answerLimitBytes,
    })
  }

  async pull(namespace: string, key: string, deadlineMs: number): Promise<PulledValue | 'absent' | 'failed'> {
    const answer = await this.#ask(paths.cachePull, { namespace, key }, deadlineMs)
    if (answer === undefined) return 'failed'
    if (answer.status === 404) return 'absent'
    const record = answer.status === 200 ? decodeRecord(answer.body, 0) : undefined
    const operation = record?.operation
    if (operation?.kind !== 'set' || operation.namespace !== namespace || operation.key !== key) return 'failed'
    return operation
  }

  async sample(namespace: string, deadlineMs: number): Promise<readonly string[] | undefined> {
    return textsIn(await this.#ask(paths.cacheSample, { namespace }, deadlineMs), 'keys', 1_000)
  }

  async namespaces(deadlineMs: number): Promise<readonly string[] | undefined> {
    return textsIn(await this.#ask(paths.cacheSample, {}, deadlineMs), 'namespaces', 200)
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #ask(
    path: string,
    question: Readonly<Record<string, string>>,
    deadlineMs: number,
  ): Promise<Answered | undefined> {
    const body = Buffer.from(JSON.stringify(question))
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', ...(await this.#sign('POST', path, body)) },
        body,
        signal: AbortSignal.timeout(deadlineMs),
      })
      return { status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) }
    } catch {
      // A pull is a try: the caller asks the service, and the outcome is counted as failed.
      return undefined
    }
  }
}

interface Answered {
  readonly status: number
  readonly body: Buffer
}

/** A list of texts in a JSON answer; undefined for anything else, which counts as nobody who answers. */
function textsIn(answer: Answered | undefined, name: string, most: number): readonly string[] | undefined {
  const texts = answer?.status === 200 ? jsonObjectIn(answer.body)?.[name] : undefined
  return Array.isArray(texts) && texts.length <= most && texts.every((text) => typeof text === 'string')
    ? texts
    : undefined
}
