import { createHash } from 'node:crypto'
import { type EchoAnswer, echoBodyLimit } from '#routes/echo.ts'
import { ownPrefix } from '#routes/messages.ts'
import type { Table } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Exchange } from '../exchange.ts'

/** What an echo tells beside the request. */
export interface EchoFacts {
  readonly site: string
  readonly instance: string
  /** How long the public listener keeps idle connections, ms. */
  readonly keepAliveMs: number
  readonly table: () => Table | undefined
  readonly clock: Clock
}

export type ReadBody = Pick<EchoAnswer, 'bodyBytes' | 'bodyDigest'>

/** Counts and digests the body as it comes, and keeps none of it. Throws as `RequestBody.forward` does. */
export async function readBody({ body }: Exchange): Promise<ReadBody> {
  const digest = createHash('sha256')
  let bodyBytes = 0
  const source = body.forward(echoBodyLimit)
  for await (const chunk of Buffer.isBuffer(source) ? [source] : (source ?? [])) {
    digest.update(chunk as Buffer)
    bodyBytes += (chunk as Buffer).length
  }
  return { bodyBytes, bodyDigest: digest.digest('base64url') }
}

export function echoed(x: Exchange, nonce: string, body: ReadBody, facts: EchoFacts): EchoAnswer {
  const { site, instance, keepAliveMs, clock } = facts
  const now = clock.now()
  const table = facts.table()
  return {
    nonce,
    site,
    instance,
    method: x.method,
    target: x.target,
    host: x.host,
    scheme: x.scheme,
    httpVersion: x.version,
    headers: x.names.map((name, field) => [
      x.headers[2 * field] as string,
      name.startsWith(ownPrefix) ? '' : (x.headers[2 * field + 1] as string),
    ]),
    address: x.client,
    peer: x.peer,
    ...(x.markKind === 'edge' && x.mark !== undefined
      ? { edge: { ...x.mark, skewMs: Math.round(now - x.mark.at) } }
      : {}),
    ...(x.markFault === undefined ? {} : { markFault: x.markFault }),
    ...body,
    now: Math.floor(now),
    keepAliveMs,
    ...(table === undefined
      ? {}
      : { held: { structure: table.structure.number, placements: table.placements.number } }),
  }
}
