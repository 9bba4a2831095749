import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Random } from '#server-kit/random.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending } from '../phase.ts'
import { closeFrame, FrameBoundary } from './frame-boundary.ts'

/** Without a byte in either direction, where the route says nothing, ms. */
const defaultIdleMs = 3_600_000
/** What a side that was told to leave, or whose other side has ended, may still take, ms. */
const graceMs = 5_000

/** The tunnels of one listener: a client's connection and a service's, joined byte for byte. */
export class Tunnels {
  readonly #random: Random
  readonly #open = new Set<Tunnel>()
  #leaving = false
  #whenIdle: (() => void) | undefined

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Joins the connection of `response`, whose head is written, to the service's. `ended` is called once, when both are closed.
   * A side that breaks off breaks the other off at once.
   */
  join(x: Exchange, response: ServerResponse, service: Duplex, ended: (ending: Ending) => void): void {
    const client = response.socket
    if (client === null) {
      service.destroy()
      ended('client-aborted')
      return
    }
    response.detachSocket(client)
    const tunnel = new Tunnel(x, client, service, this.#random, (ending) => {
      this.#open.delete(tunnel)
      if (this.#open.size === 0) this.#whenIdle?.()
      ended(ending)
    })
    this.#open.add(tunnel)
    if (this.#leaving) tunnel.leave()
  }

  /** From now on both sides of each are told 1001, going away, and have 5 s to end. */
  leave(): void {
    this.#leaving = true
    for (const tunnel of this.#open) tunnel.leave()
  }

  /** Resolves when none is left. */
  async idle(): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
  }
}

class Tunnel {
  readonly #client: Duplex
  readonly #service: Duplex
  readonly #down: Way
  readonly #up: Way
  readonly #ended: (ending: Ending) => void
  readonly #idle: NodeJS.Timeout
  #grace: NodeJS.Timeout | undefined
  #ending: Ending = 'done'
  #closed = 0

  constructor(x: Exchange, client: Duplex, service: Duplex, random: Random, ended: (ending: Ending) => void) {
    this.#client = client
    this.#service = service
    this.#ended = ended
    this.#idle = setTimeout(idleLong, x.decision?.route?.policy.timeout.idleMs ?? defaultIdleMs, this)
    x.whenGone = undefined
    const moved = () => this.#idle.refresh()
    this.#down = new Way(service, client, closeFrame(), (bytes) => {
      x.bytesOut += bytes
      moved()
    })
    this.#up = new Way(client, service, closeFrame(random.bytes(4)), (bytes) => {
      x.body.bytes += bytes
      moved()
      if (this.#up.answered) this.#finish()
    })
    this.#watch(client, service, 'client-aborted')
    this.#watch(service, client, 'upstream-truncated')
  }

  leave(): void {
    if (this.#grace !== undefined) return
    this.#down.leave()
    this.#up.leave()
    this.#endWithin()
  }

  idled(): void {
    this.#ending = 'idle-timeout'
    this.leave()
  }

  cut(): void {
    this.#client.destroy()
    this.#service.destroy()
  }

  /** Both have said what they had to say. */
  #finish(): void {
    this.#client.end()
    this.#service.end()
  }

  #endWithin(): void {
    this.#grace ??= setTimeout(cutTunnel, graceMs, this)
  }

  #watch(side: Duplex, other: Duplex, broken: Ending): void {
    side.on('error', () => side.destroy())
    side.once('end', () => this.#endWithin())
    side.once('close', () => {
      if (!side.readableEnded) {
        // It broke off: the other side must not take that for an end.
        if (this.#closed === 0 && this.#grace === undefined) this.#ending = broken
        other.destroy()
      }
      if (++this.#closed < 2) return
      clearTimeout(this.#idle)
      clearTimeout(this.#grace)
      this.#ended(this.#ending)
    })
    // It closed before it was joined.
    if (side.destroyed) other.destroy()
  }
}

/** One direction: bytes as they come, with back-pressure, and at the end a last frame of ours. */
class Way {
  readonly #to: Duplex
  readonly #farewell: Buffer
  readonly #boundary = new FrameBoundary()
  #leaving = false
  #said = false

  constructor(from: Duplex, to: Duplex, farewell: Buffer, moved: (bytes: number) => void) {
    this.#to = to
    this.#farewell = farewell
    from.on('data', (chunk: Buffer) => {
      if (!this.#pass(chunk)) from.pause()
      moved(chunk.length)
    })
    from.once('end', () => to.end())
    to.on('drain', () => from.resume())
  }

  /** A farewell was said, and whoever sends here has said the same. */
  get answered(): boolean {
    return this.#said && this.#boundary.closing
  }

  leave(): void {
    this.#leaving = true
    if (this.#boundary.here) this.#say()
  }

  #pass(chunk: Buffer): boolean {
    if (this.#said) {
      // Behind a close frame nothing counts any more but another one.
      this.#boundary.passed(chunk)
      return true
    }
    if (!this.#leaving) {
      this.#boundary.passed(chunk)
      return this.#to.write(chunk)
    }
    const at = this.#boundary.within(chunk)
    const whole = this.#to.write(at === undefined ? chunk : chunk.subarray(0, at))
    if (at === undefined) return whole
    this.#say()
    this.#boundary.passed(chunk.subarray(at))
    return whole
  }

  /** Whoever has closed already is not told again. */
  #say(): void {
    if (this.#said) return
    this.#said = true
    if (!this.#boundary.closing && this.#to.writable) this.#to.write(this.#farewell)
  }
}

function idleLong(tunnel: Tunnel): void {
  tunnel.idled()
}

function cutTunnel(tunnel: Tunnel): void {
  tunnel.cut()
}
