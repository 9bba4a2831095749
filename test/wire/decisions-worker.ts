/** A worker for one test: what `decide` says inside workerd, for many requests at once. */
import { type Decision, decide } from '#routes/decide.ts'
import { receiveAtEdge } from '#routes/edge-parts.ts'
import type { TableOffer } from '#routes/messages.ts'
import type { EdgePolicy } from '#routes/policy.ts'
import { trustedKeys } from '#routes/seal.ts'

export interface Question {
  readonly method: string
  readonly host: string
  readonly target: string
  readonly country: string | undefined
  /** As the signed cookie said, which both have verified by then. */
  readonly sticky: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

export interface Asked {
  readonly offer: TableOffer
  readonly keys: readonly { id: string; publicKey: string }[]
  readonly questions: readonly Question[]
}

/** What two programs must agree on. */
export function summary({ site, because, target, route, epoch, bucket, refused }: Decision<EdgePolicy>): string {
  return JSON.stringify([site, because, target.key, target.query, target.unsafe, route?.id, epoch, bucket, refused])
}

export default {
  async fetch(request: Request): Promise<Response> {
    // The supervisor's question whether it is ready.
    if (request.method !== 'POST') return new Response('ready')
    const { offer, keys, questions } = (await request.json()) as Asked
    const { table } = await receiveAtEdge(undefined, offer, (await trustedKeys(keys)) ?? new Map())
    if (table === undefined) return new Response('the table was refused', { status: 500 })
    const answers = questions.map(({ headers, ...rest }) =>
      summary(decide(table, { ...rest, header: (name) => headers[name] })),
    )
    return new Response(JSON.stringify(answers))
  },
}
