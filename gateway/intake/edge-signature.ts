import { readCount } from '#routes/fields.ts'
import { type Mark, type MarkKind, readMark } from '#routes/hop.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

export interface EdgeSignatureOptions {
  /** Verifies an edge's mark; undefined = no edge is believed. */
  readonly edge: KeyRing | undefined
  /** Verifies a peer gateway's mark. */
  readonly peers: KeyRing | undefined
  /** Only edges and peers may come. */
  readonly required: boolean
  readonly clock: Clock
  readonly refused: Counter<'because'>
}

/** What an unverified mark is counted as. */
export const markFaults = ['malformed', 'out-of-window', 'mac-wrong', 'no-key'] as const

/**
 * Believes who signed. A mark that does not verify is worth as much as none: the request is then an ordinary client's, so
 * that a lost key slows traffic down (another hop) and does not stop it.
 */
export function edgeSignature({ edge, peers, required, clock, refused }: EdgeSignatureOptions): Phase {
  const verify = async (x: Exchange, kind: MarkKind, value: string, ring: KeyRing): Promise<undefined> => {
    const now = clock.now()
    let read = await readMark(kind, value, x, ring, now)
    // An edge that reaches us by another name tells the client's host beside; only its signature makes that believable.
    const told = x.header('x-forwarded-host')
    if (!read.ok && read.because === 'mac-wrong' && told !== undefined && told !== x.host) {
      read = await readMark(kind, value, { method: x.method, target: x.target, host: told }, ring, now)
      if (read.ok) x.host = told
    }
    if (read.ok) accept(x, kind, read.mark, clock.monotonic())
    else distrust(x, read.because)
    return refuseStranger(x)
  }

  const distrust = (x: Exchange, because: (typeof markFaults)[number]): void => {
    x.markFault = because
    refused.inc({ because })
  }

  const refuseStranger = (x: Exchange): undefined => {
    if (required && x.mark === undefined) throw problems['edge-required']()
    return undefined
  }

  return {
    name: 'edge-signature',
    before(x: Exchange): undefined | Promise<undefined> {
      const { names } = x
      // Nearly every request of a client without an edge: no mark, no work.
      for (let field = 0; field < names.length; field++) {
        const kind = names[field] === headers.hop ? 'hop' : names[field] === headers.edge ? 'edge' : undefined
        if (kind === undefined) continue
        const ring = kind === 'hop' ? peers : edge
        if (ring !== undefined) return verify(x, kind, x.headers[2 * field + 1] as string, ring)
        distrust(x, 'no-key')
      }
      return refuseStranger(x)
    },
  }
}

function accept(x: Exchange, kind: MarkKind, mark: Mark, nowMs: number): void {
  x.mark = mark
  x.markKind = kind
  if (mark.requestId !== '') x.requestId = mark.requestId
  if (mark.address !== undefined) x.client = mark.address
  // One retry a path: what our programs tried before is not tried again here.
  x.attempt = readCount(x.header(headers.attempt) ?? '') ?? 0
  const leftMs = readCount(x.header(headers.deadline) ?? '')
  if (leftMs !== undefined) x.deadlineMs = nowMs + leftMs
}
