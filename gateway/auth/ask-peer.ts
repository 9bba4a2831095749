import type { Pool } from 'undici'
import { signCall } from '#routes/call.ts'
import { type Caller, headers, paths, type TokenAnswer, type TokenQuestion } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'
import { openPool } from '../upstream/peer-pool.ts'
import type { AskSite } from './also-ask.ts'
import { callerOf } from './caller.ts'

export interface AskPeerOptions {
  /** Internal listeners of the other sites' gateways. */
  readonly peers: Readonly<Record<Site, { readonly internal: string }>>
  readonly ring: KeyRing | undefined
  readonly deadlineMs: number
  readonly clock: Clock
  readonly random: Random
}

/** Asks a peer gateway by a signed call. The token travels in the body, so that no log of paths holds it. */
export class PeerTokens {
  readonly #options: AskPeerOptions
  readonly #pools = new Map<Site, Pool>()

  constructor(options: AskPeerOptions) {
    this.#options = options
    for (const [site, { internal }] of Object.entries(options.peers)) {
      this.#pools.set(
        site,
        openPool(new URL(internal).origin, { connections: 16, idleMs: 60_000, connectMs: options.deadlineMs }),
      )
    }
  }

  /** The question of one kind of credential. */
  asking(by: 'token' | 'api-key'): AskSite {
    return (site, token) => this.#ask(site, { token, by })
  }

  async #ask(site: Site, question: TokenQuestion): Promise<Caller | undefined> {
    const { ring, clock, random, deadlineMs } = this.#options
    const pool = this.#pools.get(site)
    if (pool === undefined || ring === undefined) throw problems['peer-unknown']({ site })
    const body = Buffer.from(JSON.stringify(question))
    const call = { method: 'POST', target: paths.tokensFind, body, audience: `gateway:${site}` }
    const signature = await signCall(call, ring, clock.now(), random.id())
    const answer = await pool.request({
      method: 'POST',
      path: paths.tokensFind,
      headers: { 'content-type': 'application/json', [headers.call]: signature },
      body,
      signal: AbortSignal.timeout(deadlineMs),
    })
    if (answer.statusCode !== 200) {
      await answer.body.dump()
      throw problems['peer-refused']({ site, status: answer.statusCode })
    }
    const said = (await answer.body.json()) as TokenAnswer
    return said.known ? callerOf(said.caller, clock.now()) : undefined
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }
}
