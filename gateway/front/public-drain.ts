import { Server as NetServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '#server-kit/log.ts'
import type { Front } from './fastify-front.ts'
import type { SharedInternal } from './shared-internal.ts'
import type { Streams } from './streams.ts'
import type { Tunnels } from './tunnels.ts'

export interface PublicDrainOptions {
  readonly front: Front
  /** The internal address that all processes of a gateway share; undefined: it has one process. */
  readonly shared: SharedInternal | undefined
  readonly streams: Streams
  readonly tunnels: Tunnels
  /** Somebody else accepts from the same socket: nobody has to find out first. */
  readonly relieved: boolean
  /** How long connections that are open may still ask, so that each hears that it is to leave, ms. */
  readonly noticeMs: number
  /** How long what is under way may take to end after that, ms. */
  readonly limitMs: number
  readonly onNotAccepting: () => void
  readonly log: Log
}

/** A client whose stream was ended comes again at once on the connection that it has, and is to hear where to go. */
const partingMs = 250

/**
 * The orderly end of a listener. Alone, it still accepts for its notice, since a balancer has to see first that it is not
 * ready; with a successor on the same socket it stops at once. On open connections each next answer says `Connection:
 * close`: one that the client uses is never closed under a request. Event streams end between two events, tunnels by a
 * close frame. Then what is under way ends.
 */
export async function drainPublic(options: PublicDrainOptions): Promise<void> {
  const { front, shared, streams, tunnels, relieved, noticeMs, limitMs, onNotAccepting, log } = options
  const accepting = (): void => {
    // Not the close of an HTTP server: that one ends idle connections, too, whose clients were told nothing yet.
    if (front.server.listening) NetServer.prototype.close.call(front.server)
    shared?.stopAccepting()
    onNotAccepting()
  }
  const part = (): void => {
    streams.leave()
    tunnels.leave()
  }

  front.drain()
  shared?.drain()
  if (relieved) {
    accepting()
    part()
  }
  await pause(noticeMs)
  if (!relieved) {
    accepting()
    part()
    await pause(Math.min(noticeMs, partingMs))
  }
  front.server.closeIdleConnections()
  shared?.closeIdle()
  const limit = setTimeout(() => {
    log.warn({ inFlight: front.inFlight }, 'requests did not end within the drain limit')
    front.server.closeAllConnections()
  }, limitMs)
  await Promise.all([front.idle(), tunnels.idle()])
  clearTimeout(limit)
}
