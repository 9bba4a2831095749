import { describe, expect, it } from 'vitest'
import { planAside } from '../../../control-plane/catalog/planner.ts'
import { sitesFile, teamsFile } from '../support/catalog.ts'

const plan = async (length: number) => {
  const document = `openapi: 3.1.0\n# ${'x'.repeat(length)}`
  const given = [sitesFile, teamsFile, { file: 'a.openapi.yaml', text: document }]
  const planned = await planAside({
    kept: [],
    given,
    mode: 'whole',
    allowShrink: false,
    placements: [],
    present: undefined,
  })
  return { planned, isHere: planned.ok && planned.plan.files === given }
}

describe('a catalog is planned', () => {
  it('at once where it is small', async () => {
    expect(await plan(10)).toMatchObject({ planned: { ok: true }, isHere: true })
  })

  it('on a thread of its own where it is few long files, so that nothing waits for it', async () => {
    const { planned, isHere } = await plan(900_000)

    expect([planned.ok, isHere]).toEqual([true, false])
  }, 30_000)
})
