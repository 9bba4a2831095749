import { type AskedRequest, askedRequest } from '#routes/asked-request.ts'
import type { Decision } from '#routes/decide.ts'
import { explain } from '#routes/explain.ts'
import type { Table } from '#routes/table.ts'
import { cacheKey } from '../cache/key.ts'
import { problems } from '../errors.ts'
import { joinedValue, lowerNames } from '../header-pairs.ts'

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
    sentences: route === undefined || refused ? sentences : [...sentences, last, ...cacheWords(question, decision)],
  }
}

/** Under what an answer would be stored, for a request that brings no identity. */
function cacheWords({ method, url, headers = {} }: AskedRequest, decision: Decision): readonly string[] {
  const { route, target } = decision
  const policy = route?.policy.cache
  if (policy === undefined || route === undefined || target.unsafe !== 0) return []
  if (method !== 'GET' && method !== 'HEAD') return []
  const pairs = Object.entries(headers).flat()
  const names = lowerNames(pairs)
  const { clear, namespace } = cacheKey(
    {
      scheme: /^http:/i.test(url) ? 'http' : 'https',
      host: joinedValue(pairs, names, 'host') ?? /^https?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '',
      headers: pairs,
      names,
      header: (name) => joinedValue(pairs, names, name),
      decision,
      caller: undefined,
      credential: undefined,
      requestId: '',
    },
    route,
    policy,
  )
  const whose = policy.per === 'everyone' ? '' : `, and each ${policy.per} has its own`
  return [`An answer is stored in ${namespace} under the key ${clear}${whose}.`]
}
