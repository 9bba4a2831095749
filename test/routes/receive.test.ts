import { describe, expect, it } from 'vitest'
import { receive } from '#routes/receive.ts'
import type { SealedDocument } from '#routes/seal.ts'
import { limits } from '#routes/table.ts'
import { makeSealer, placement, placementSet, route, structure } from '../support/tables.ts'

const sealer = await makeSealer()
const routes = [route('/v1/orders/{id}')]
const first = {
  structure: await sealer.structure(structure(routes)),
  placements: await sealer.placements(placementSet([placement('orders', { epoch: 5 })], { number: 10 })),
}
const { table: held } = await receive(undefined, first, sealer.trusted)

const offerPlacements = (placements: SealedDocument) => receive(held, { placements }, sealer.trusted)
const placementsAt = (number: number, epoch: number) =>
  sealer.placements(placementSet([placement('orders', { epoch, owner: 'cloud' })], { number }))

describe('a receiver', () => {
  it('takes a sealed table and then a newer one', async () => {
    expect(held?.placements.number).toBe(10)

    const { table, changed, refusals } = await offerPlacements(await placementsAt(11, 6))

    expect([changed, refusals, table?.placements.number]).toEqual([true, [], 11])
    expect(table?.placementOf.get('orders')?.owner).toBe('cloud')
    expect(table?.index).toBe(held?.index)
  })

  it('says nothing about the table it already holds', async () => {
    expect(await receive(held, first, sealer.trusted)).toEqual({ table: held, changed: false, refusals: [] })
  })

  const refused = async (offer: Promise<SealedDocument> | SealedDocument, because: string) => {
    const { table, changed, refusals } = await offerPlacements(await offer)
    expect(refusals.map((refusal) => refusal.because)).toEqual([because])
    expect(table).toBe(held)
    expect(changed).toBe(false)
  }

  it('keeps what it holds when a number is lower', async () => refused(placementsAt(9, 9), 'older'))

  it('keeps what it holds when the same number has another content', async () => refused(placementsAt(10, 9), 'forked'))

  it('keeps what it holds when the epoch of any unit falls', async () => refused(placementsAt(11, 4), 'epoch-falls'))

  it('keeps what it holds when a unit with an epoch is left out', async () =>
    refused(sealer.placements(placementSet([], { number: 11 })), 'epoch-falls'))

  it('keeps what it holds when one letter of the body was changed', async () => {
    const sealed = await placementsAt(11, 6)
    await refused({ ...sealed, body: sealed.body.replace('cloud', 'clouD') }, 'signature-wrong')
  })

  it('keeps what it holds when the document is cut short', async () => {
    const sealed = await placementsAt(11, 6)
    await refused({ ...sealed, body: sealed.body.slice(0, -20) }, 'signature-wrong')
  })

  it('keeps what it holds when the signer is not trusted', async () => {
    const stranger = await makeSealer('t2')
    await refused(stranger.placements(placementSet([placement('orders', { epoch: 6 })], { number: 11 })), 'key-unknown')
  })

  it('does not take a structure for placements, even though it is sealed', async () => {
    await refused({ ...first.structure, kind: 'placements' }, 'signature-wrong')
    await refused(first.structure, 'malformed')
  })

  it('refuses an oversize document before it checks or parses it', async () => {
    const body = 'x'.repeat(limits.placementsChars + 1)
    await refused({ ...first.placements, body }, 'oversize')
  })

  it('refuses what is not a document at all', async () => {
    await refused({ kind: 'placements' } as unknown as SealedDocument, 'malformed')
  })

  it('refuses a sealed document of a wrong shape', async () => {
    const { seal } = await import('#routes/seal.ts')
    for (const body of ['', 'null', '[]', '{"v":1,"kind":"placements"}', '{"v":2}']) {
      await refused(seal('placements', body, sealer.signing), 'malformed')
    }
  })

  it('keeps what it holds while placements name sites of a structure still to come', async () => {
    const later = placementSet([placement('orders', { epoch: 6 })], { number: 11, structure: { min: 2, max: 9 } })
    await refused(sealer.placements(later), 'structure-missing')

    const both = {
      structure: await sealer.structure(structure(routes, { number: 2 })),
      placements: await sealer.placements(later),
    }
    expect((await receive(held, both, sealer.trusted)).changed).toBe(true)
  })

  it('refuses a structure that lost a fifth of many routes, unless an operator meant it', async () => {
    const many = Array.from({ length: 200 }, (_, i) => route(`/v1/r${i}/{id}`))
    const large = await receive(
      undefined,
      { ...first, structure: await sealer.structure(structure(many)) },
      sealer.trusted,
    )
    const few = structure(many.slice(0, 150), { number: 2 })

    const broken = await receive(large.table, { structure: await sealer.structure(few) }, sealer.trusted)
    const meant = await receive(
      large.table,
      { structure: await sealer.structure({ ...few, mayShrink: true }) },
      sealer.trusted,
    )

    expect(broken.refusals[0]?.because).toBe('shrank-too-much')
    expect(broken.table).toBe(large.table)
    expect(meant.table?.structure.value.routes.length).toBe(150)
  })

  it('refuses a structure that suddenly more than doubled, but lets a small catalog become a large one', async () => {
    const long = (n: number) =>
      Array.from({ length: n }, (_, i) => route(`/${String(i).padStart(5, '0')}${'x'.repeat(900)}`))
    const sealed = async (number: number, n: number) => ({
      structure: await sealer.structure(structure(long(n), { number })),
    })

    const imported = await receive(held, await sealed(2, 1_500), sealer.trusted)
    const broken = await receive(imported.table, await sealed(3, 3_500), sealer.trusted)

    expect(imported.refusals).toEqual([])
    expect(broken.refusals[0]?.because).toBe('grew-too-much')
  })

  it('holds nothing until it has both halves', async () => {
    const onlyStructure = await receive(undefined, { structure: first.structure }, sealer.trusted)
    const onlyPlacements = await receive(undefined, { placements: first.placements }, sealer.trusted)

    expect(onlyStructure).toEqual({ table: undefined, changed: false, refusals: [] })
    expect(onlyPlacements.refusals[0]?.because).toBe('structure-missing')
  })
})
