import { Pool } from 'undici'
import type { Random } from '#server-kit/random.ts'
import { nowMs, OpenLoop, type Outcome, type Shot, send } from '../open-loop.ts'
import type { Unit } from './surroundings.ts'

/** One answered request of a client. */
export interface Seen {
  readonly unit: Unit
  /** 0 = no answer came. */
  readonly status: number
  readonly body: string
  readonly sentAt: number
  readonly ms: number
  /** Its first connection ended without an answer, and it was sent once more. */
  readonly again: boolean
}

interface Asked extends Shot {
  readonly unit: Unit
}

/**
 * Clients of safe requests at a fixed rate. When a connection ends before any answer they send once more, as HTTP lets
 * every client (RFC 9110 section 9.2.2): a process that was killed takes its connections with it.
 */
export class Clients {
  readonly seen: Seen[] = []
  readonly #load: OpenLoop<Asked>
  /** Each request on a connection of its own. */
  readonly #second: Pool
  readonly #sendingAgain: Promise<void>[] = []
  #count = 0

  constructor(port: number, perSecond: number, units: readonly Unit[], random: Random) {
    const url = `http://127.0.0.1:${port}`
    const next = (): Asked => {
      const unit = units[Math.floor(random.next() * units.length)] as Unit
      const method = random.next() < 0.25 ? 'HEAD' : 'GET'
      return { unit, method, path: `/v1/${unit}/${this.#count++}`, headers: { host: 'api.example.com' } }
    }
    this.#second = new Pool(url, { pipelining: 0 })
    const seen = (outcome: Outcome<Asked>) => {
      const cut = outcome.status === 0 && !outcome.error?.includes('Timeout')
      if (cut) this.#sendingAgain.push(this.#again(outcome))
      else this.#add(outcome, outcome.sentAt, false)
    }
    this.#load = new OpenLoop<Asked>({ url, perSecond, next, seen }).start()
  }

  async stop(): Promise<void> {
    await this.#load.stop()
    await Promise.all(this.#sendingAgain)
    await this.#second.close()
  }

  async #again({ shot, sentAt }: Outcome<Asked>): Promise<void> {
    this.#add(await send(this.#second, shot), sentAt, true)
  }

  #add({ shot, status, body }: Outcome<Asked>, sentAt: number, again: boolean): void {
    this.seen.push({ unit: shot.unit, status, body, sentAt, ms: nowMs() - sentAt, again })
  }
}
