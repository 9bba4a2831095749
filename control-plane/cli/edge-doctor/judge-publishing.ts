/** What of Cloudflare nobody sees from outside, by what the control plane has done there (D19). Pure. */
import type { EdgeVersionsAnswer } from '../../api-client/cloudflare-schema.ts'
import { type Judgement, ok, unknown, wrong } from './finding.ts'

/** `off`: the control plane publishes nothing there. `elsewhere`: the edge is not on Cloudflare. */
export type Publishing = EdgeVersionsAnswer | 'off' | 'elsewhere'

export function judgeKv(publishing: Publishing): Judgement {
  if (publishing === 'elsewhere') return ok('not on Cloudflare: the supervisor keeps the table')
  if (publishing === 'off') return unknown(notOurs, offFix)
  const { kv } = publishing.status
  if (kv === undefined) {
    return unknown(
      'no KV namespace is configured: a new isolate starts from script, colo cache or control plane',
      'Name one as `cloudflare.kvNamespace` in control-plane.yaml, for the time in which the control plane is away.',
    )
  }
  if (kv.health !== 'working') return wrong(`KV is not written: ${kv.because}`, 'See `tidegate edge versions`.')
  const evidence = `KV was given placements ${kv.written} of ${kv.wanted}; other places may see them a minute later`
  return kv.written < kv.wanted ? unknown(evidence, 'Ask again in two seconds.') : ok(evidence)
}

export function judgeDeployment(publishing: Publishing): Judgement {
  if (publishing === 'elsewhere') return ok('not on Cloudflare: `tidegate edge --config FILE` runs the script')
  if (publishing === 'off') return unknown(notOurs, offFix)
  const { deployed, status, publications, because = '' } = publishing
  if (status.script.health !== 'working') {
    return wrong(`versions are not published: ${status.script.because}`, 'See `tidegate edge versions`.')
  }
  if (deployed === undefined) return unknown(`Cloudflare does not say what is deployed: ${because}`)
  const last = publications.find(({ state }) => state === 'confirmed')
  const took = last === undefined ? '' : `; the last one took ${Math.round((last.since - last.startedAt) / 1_000)} s`
  if (deployed.length === 1) return ok(`one version has all of the traffic${took}`)
  const shares = deployed.map(({ percentage }) => `${percentage} %`).join(' and ')
  return unknown(
    `two versions share the traffic (${shares})${took}`,
    'Ask again when `tidegate edge versions` says confirmed.',
  )
}

const notOurs = 'the control plane publishes nothing to Cloudflare'
const offFix =
  'Configure `cloudflare` in control-plane.yaml, or see to it by the means with which the script is deployed.'

/** Nothing outside shows it, and no answer of the API either. */
export function judgeFailOpen(publishing: Publishing): Judgement {
  if (publishing === 'elsewhere') return ok('not on Cloudflare: no quota of requests ends the edge')
  return unknown(
    'from outside nobody sees what happens above the quota',
    'Cloudflare: Workers & Pages > the route > "Fail open (proceed)", on a paid plan; closed, clients get error 1027.',
  )
}
