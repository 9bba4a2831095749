import type { SiteInvalidation } from '../api-client/cache-schema.ts'
import type { Member } from '../tables/members.ts'
import type { GatewayVerdict } from './ask-gateway.ts'

/** Processes of one site that are asked before it counts as failed. */
const triesASite = 5

/**
 * Asks one process of each site, the next one where it does not answer: the zones of a site are shared by its processes, and
 * they tell one another. Every site is asked, whatever became of the others.
 */
export function invalidateSites(
  sites: readonly string[],
  members: readonly Member[],
  ask: (member: Member) => Promise<GatewayVerdict>,
): Promise<readonly SiteInvalidation[]> {
  return Promise.all(sites.map((site) => invalidateSite(site, inOrder(site, members), ask)))
}

async function invalidateSite(
  site: string,
  members: readonly Member[],
  ask: (member: Member) => Promise<GatewayVerdict>,
): Promise<SiteInvalidation> {
  const failures: string[] = []
  for (const member of members.slice(0, triesASite)) {
    const { instance } = member.entry
    const verdict = await ask(member)
    switch (verdict.kind) {
      case 'applied': {
        const { stamp, sites: told } = verdict.answer
        return { site, outcome: 'applied', instance, stamp, told: { ...told } }
      }
      case 'no-cache':
        return { site, outcome: 'no-cache', instance }
      case 'refused':
        return { site, outcome: 'refused', instance, because: verdict.because }
      case 'failed':
        failures.push(`${instance}: ${verdict.because}`)
    }
  }
  const because = failures.length === 0 ? 'no gateway process is there' : failures.join('; ')
  return { site, outcome: 'failed', because }
}

/** Those that serve first; one that is starting or leaving can still reach the zones. */
function inOrder(site: string, members: readonly Member[]): readonly Member[] {
  const there = members.filter(({ entry, state }) => entry.site === site && state !== 'gone')
  return there.toSorted((a, b) => Number(b.state === 'live') - Number(a.state === 'live'))
}
