import { type AskedRequest, askedRequest } from '#routes/asked-request.ts'
import { explain } from '#routes/explain.ts'
import type { Table } from '#routes/table.ts'
import { problems } from '../errors.ts'

/** What this gateway would do with a request, by the very functions that do it. */
export function explainRequest(table: Table | undefined, site: string, question: AskedRequest) {
  if (table === undefined) throw problems['table-missing']()
  const { decision, readings, sentences } = explain(table, askedRequest(question))
  const here = decision.site === site
  const last = here
    ? `This gateway serves ${site}: it executes the request.`
    : `This gateway serves ${site}: it forwards the request once to ${decision.site}.`
  const { route, because, epoch, bucket, effect, target } = decision
  const refused = decision.refused || readings === 'too-many'
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
    readings: readings === 'too-many' ? [] : readings.map(({ id }) => id),
    here,
    sentences: route === undefined || refused ? sentences : [...sentences, last],
  }
}
