import { explain } from '#routes/explain.ts'
import type { RequestFacts } from '#routes/request-facts.ts'
import type { Table } from '#routes/table.ts'
import { problems } from '../errors.ts'

export interface ExplainQuestion {
  readonly method: string
  /** Absolute. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What this gateway would do with a request, by the very functions that do it. */
export function explainRequest(table: Table | undefined, site: string, question: ExplainQuestion) {
  if (table === undefined) throw problems['table-missing']()
  const { decision, sentences } = explain(table, factsOf(question))
  const here = decision.site === site
  const last = here
    ? `This gateway serves ${site}: it executes the request.`
    : `This gateway serves ${site}: it forwards the request once to ${decision.site}.`
  const { route, because, epoch, bucket, effect, refused, target } = decision
  return {
    site: decision.site,
    because,
    route: route?.id,
    unit: route?.unit,
    epoch,
    bucket,
    effect,
    refused,
    key: target.key,
    here,
    sentences: route === undefined || refused ? sentences : [...sentences, last],
  }
}

/** Taken apart by hand: `new URL` would normalise the very path that is asked about. */
function factsOf({ method, url, headers = {} }: ExplainQuestion): RequestFacts {
  const [, host = '', target = ''] = /^https?:\/\/([^/?]*)(.*)$/i.exec(url) ?? []
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { method, host, target: target.startsWith('/') ? target : `/${target}`, header: (name) => lower.get(name) }
}
