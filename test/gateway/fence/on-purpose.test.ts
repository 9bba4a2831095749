import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../gateway/answer.ts'
import { problems } from '../../../gateway/errors.ts'
import { onPurpose } from '../../../gateway/fence/on-purpose.ts'
import { problemAnswer } from '../../../gateway/pipeline.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const failures = {
  held: problems.held({ retryAfterS: 1, unit: 'orders', epoch: 1 }),
  overloaded: problems.overloaded({ what: 'a deployment' }),
  maintenance: problems.maintenance({}),
  'only-if-cached': problems['only-if-cached'](),
  'upstream-refused': problems['upstream-refused'](),
  'first-byte-timeout': problems['first-byte-timeout'](),
  'breaker-open': problems['breaker-open']({ service: 'orders' }),
  'table-missing': problems['table-missing'](),
  'no-endpoint': problems['no-endpoint']({ unit: 'orders', site: 'onprem' }),
}

function word(facts: object, answer: (x: ReturnType<typeof exchangeOf>) => Answer) {
  const x = Object.assign(exchangeOf(), facts)
  const given = onPurpose.after?.(x, answer(x)) as Answer
  const at = given.headers.indexOf('x-tidegate-failover')
  return at < 0 ? undefined : given.headers[at + 1]
}
const plain = (status: number, ...headers: string[]) => ({ status, reason: '', headers, body: undefined })

describe('the word that no other site is to be asked', () => {
  it.each(['held', 'overloaded', 'maintenance', 'only-if-cached'] as const)('goes to an edge with %s', (code) => {
    expect(word({ markKind: 'edge' }, (x) => problemAnswer(failures[code], x))).toBe('no')
    expect(word({}, (x) => problemAnswer(failures[code], x))).toBeUndefined()
  })

  it.each(['upstream-refused', 'first-byte-timeout', 'breaker-open', 'table-missing', 'no-endpoint'] as const)(
    'does not go with %s, which another site may make good for',
    (code) => {
      expect(word({ markKind: 'edge' }, (x) => problemAnswer(failures[code], x))).toBeUndefined()
    },
  )

  it('goes with a fixed 503 of the route, and not with one of its service', () => {
    const fixed = { ...policy, answer: { kind: 'respond', status: 503 } as const }
    const decided = (one: typeof policy) => ({
      markKind: 'edge',
      decision: { route: route('/v1/**', { policy: one }) },
    })

    expect(word(decided(fixed), () => plain(503))).toBe('no')
    expect(word(decided({ ...fixed, answer: { kind: 'respond', status: 200 } }), () => plain(200))).toBeUndefined()
    expect(word(decided(policy), () => plain(503))).toBeUndefined()
  })

  it("comes over the interconnect to an edge, and not to a client of one's own", () => {
    const refused = () => plain(503, 'x-tidegate-failover', 'no')

    expect(word({ markKind: 'hop' }, (x) => problemAnswer(failures.overloaded, x))).toBe('no')
    expect(word({ markKind: 'edge', forwardedTo: 'cloud' }, refused)).toBe('no')
    expect(word({ forwardedTo: 'cloud' }, refused)).toBeUndefined()
  })
})
