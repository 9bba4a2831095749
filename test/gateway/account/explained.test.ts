import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { explained } from '../../../gateway/account/explained.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const table = await tableOf(structure([route('/v1/**')]), placementSet([]))
const phase = explained((token) => token === 'operator' || token.length > 4_096)

function told(headers: readonly string[], target: string, facts: Record<string, unknown> = {}) {
  const x = exchangeOf(headers, { target })
  void phase.before?.(x)
  x.table = table
  x.decision = decide(table, x)
  if (x.explained !== undefined) Object.assign(x.explained, facts)
  const answer: Answer = { status: 200, reason: '', headers: [], body: undefined }
  const [name, value = ''] = phase.after?.(x, answer).headers ?? []
  const json = Buffer.from(value, 'base64url').toString()
  return name === undefined ? undefined : { bytes: json.length, facts: JSON.parse(json) as Record<string, unknown> }
}

const asked = ['x-tidegate-explain', 'operator']

describe('how an answer came about', () => {
  it('is told to an operator alone', () => {
    expect(told(asked, '/v1/a')?.facts).toMatchObject({ key: '/v1/a', route: table.structure.value.routes[0]?.id })
    expect(told(['x-tidegate-explain', 'guess'], '/v1/a')).toBeUndefined()
    expect(told(['x-tidegate-explain', 'o'.repeat(5_000)], '/v1/a')).toBeUndefined()
    expect(told([], '/v1/a')).toBeUndefined()
  })

  it('fits into a header: what each part did goes first, and what was decided stays, however long the path', () => {
    const long = told(asked, `/v1/${'a'.repeat(8_000)}`, { mirror: 'm'.repeat(5_000) })

    expect(long?.bytes).toBeLessThanOrEqual(2_048)
    expect(long?.facts).toMatchObject({ because: 'home', site: 'onprem', shortened: true })
    expect(long?.facts).not.toHaveProperty('mirror')
  })
})
