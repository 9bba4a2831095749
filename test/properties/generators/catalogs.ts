import type { LinearRoute } from '#routes/linear-matcher.ts'
import type { Pattern } from '#routes/pattern.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { conditions } from './conditions.ts'
import type { Random } from './random.ts'

/**
 * A small catalog of few words, so that nearly every path has several routes that begin like it: branches compete,
 * and a matcher without backtracking or with another order is found out.
 */
export function crowdedRoutes(random: Random, count: number): LinearRoute[] {
  return Array.from({ length: count }, () => {
    const host = random.pick(crowdedHosts)
    const methods = random.pick(crowdedMethods)
    return {
      pattern: patternOf(crowdedPath(random)),
      ...(host === undefined ? {} : { host }),
      ...(methods === undefined ? {} : { methods }),
      ...(random.chance(15) ? { trailingSlash: 'ignore' as const } : {}),
      ...(random.chance(40) ? { when: conditions(random) } : {}),
    }
  })
}

const crowdedHosts = [
  undefined,
  undefined,
  'api.example.com',
  '*.example.com',
  '*.b.example.com',
  'example.com',
  '*.com',
  'localhost',
]
const crowdedMethods = [undefined, ['GET'], ['GET'], ['POST'], ['GET', 'POST'], ['HEAD'], ['DELETE', 'PUT', 'PATCH']]
// `Aa` and `BB` have one hash: only a comparison of the texts tells them apart.
const crowdedSegments = [
  'Aa',
  'BB',
  'a',
  'b',
  'users',
  'users:cancel',
  'v1',
  '{p}',
  '{p}',
  '{p}:cancel',
  '{p}:b:cancel',
  '{p}:l',
  '1',
]

function crowdedPath(random: Random): string {
  const length = 1 + random.below(5)
  let path = ''
  for (let at = 0; at < length; at++) path += `/${random.pick(crowdedSegments).replace('p', `p${at}`)}`
  return random.chance(10) ? '/' : path + random.pick(['', '', '', '/', '/**'])
}

/** 500 services x 20 patterns, as a company of many teams has them: the size that figures are promised for. */
export function largeCatalog(random: Random, services: number, perService: number): LinearRoute[] {
  const names = new Set<string>()
  while (names.size < services) names.add(`${random.pick(domains)}-${random.pick(nouns)}`)
  return [...names].flatMap((name) => serviceRoutes(name, random, perService))
}

/** Four resources a service, each with its list, its items and what is done with them, and one tail for the rest. */
function serviceRoutes(name: string, random: Random, count: number): LinearRoute[] {
  const routes = new Map<string, readonly string[] | undefined>([[`/${name}/**`, undefined]])
  const own = Array.from({ length: 4 }, () => random.pick(resources))
  while (routes.size < count) {
    const base = `/${name}/v1/${random.pick(own)}`
    const item = `${base}/{id}`
    const below = `${item}/${random.pick(resources)}`
    const [path, methods] = random.pick<readonly [string, readonly string[]]>([
      [base, ['GET', 'POST']],
      [item, ['DELETE', 'GET', 'PUT']],
      [`${base}/${random.pick(verbs)}`, ['POST']],
      [`${item}:${random.pick(verbs)}`, ['POST']],
      [`${item}/${random.pick(verbs)}`, ['POST']],
      [below, ['GET', 'POST']],
      [`${below}/{child}`, ['DELETE', 'GET', 'PUT']],
      [`${item}/files/**`, ['GET']],
    ])
    routes.set(path, methods)
  }
  return [...routes].map(([path, methods]) => ({
    pattern: patternOf(path),
    ...(methods === undefined ? {} : { methods }),
  }))
}

const domains =
  'account audit billing booking branch campaign card cart catalog claim contract credit customer delivery device document export feed fleet fraud'.split(
    ' ',
  )
const nouns =
  'archive broker cache calendar core directory engine events exchange gateway hub index inbox ledger limits lookup manager notes planner portal pricing queue ranking registry reports rules scheduler search sessions status store tracker vault views worker'.split(
    ' ',
  )
const resources =
  'accounts addresses agents balances batches categories channels comments contacts coupons customers deliveries discounts events groups images imports invoices items labels lines locations members messages notes offers orders owners parcels payments permissions plans policies positions prices products profiles quotes receipts refunds reports reviews roles rules schedules sessions shipments slots statements stocks subscriptions tags tasks templates tickets transfers users vehicles versions visits vouchers warehouses webhooks'.split(
    ' ',
  )
const verbs =
  'approve archive cancel close confirm copy export lock merge move publish reject rename resend restore search start stop summary validate'.split(
    ' ',
  )

export function patternOf(path: string): Pattern {
  const parsed = parsePattern(path)
  if (!parsed.ok) throw new Error(`${path}: ${parsed.fault.meaning}`)
  return parsed.pattern
}
