import { describe, expect, it } from 'vitest'
import type { Found, FoundEntry, FoundNone, Lookup } from '../../../gateway/cache/found.ts'
import { answer, bodyOf, byLanguage, english, fill, german, lookupFor, openProcess } from './entry-stores.ts'

/** The first of those that are named, as it is read once the service has confirmed it. */
async function variantOf({ store }: ReturnType<typeof openProcess>, lookup: Lookup, found: Found): Promise<FoundEntry> {
  const [row] = found.kind === 'none' ? found.variants : []
  const variant = found.kind === 'none' && row !== undefined ? await store.variant(lookup, found, row) : undefined
  if (variant === undefined) throw new Error('no variant')
  return variant
}

describe('variants of a stored answer', () => {
  it('Cache V4: are each found by the requests that they fit', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'Hallo', byLanguage)
    await fill(process, lookupFor(english), 'Hello', byLanguage)

    expect(bodyOf(await process.store.look(lookupFor(german)))).toBe('Hallo')
    expect(bodyOf(await process.store.look(lookupFor(english)))).toBe('Hello')
    expect(await process.store.look(lookupFor())).toMatchObject({ because: 'vary-miss', vary: ['accept-language'] })
  })

  it('Cache V4: yield to none that has no Vary, and one without answers whom no other fits', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'Hallo', byLanguage)
    await fill(process, lookupFor(), 'anything')

    expect(bodyOf(await process.store.look(lookupFor(german)))).toBe('Hallo')
    expect(bodyOf(await process.store.look(lookupFor(english)))).toBe('anything')
  })

  it('Cache V6: are at most thirty-two, and the oldest is a miss', async () => {
    const process = openProcess()
    for (let at = 0; at < 33; at++) {
      process.clock.advance(1)
      await fill(process, lookupFor({ 'accept-language': `l${at}` }), `text ${at}`, byLanguage)
    }

    expect(bodyOf(await process.store.look(lookupFor({ 'accept-language': 'l0' })))).toBe('vary-miss')
    for (const at of [1, 32])
      expect(bodyOf(await process.store.look(lookupFor({ 'accept-language': `l${at}` })))).toBe(`text ${at}`)
  })

  it('Cache V7: are not read for a request that none fits: what they can be asked by is in the index', async () => {
    const process = openProcess()
    for (let at = 0; at < 9; at++) {
      process.clock.advance(1)
      const headers = ['ETag', `"${at}"`, 'Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT']
      await fill(process, lookupFor({ 'accept-language': `l${at}` }), 'x'.repeat(100_000), { ...byLanguage, headers })
    }
    process.reads.length = 0

    const lookup = lookupFor({ 'accept-language': 'another' })
    const missed = (await process.store.look(lookup)) as FoundNone

    expect(missed.variants.map(({ etag }) => etag)).toEqual(['"8"', '"7"', '"6"', '"5"', '"4"', '"3"', '"2"', '"1"'])
    expect(process.reads).toEqual([lookup.key.text])
  })

  it('Cache V7: with a validator are named to a request that none fits, and answer it once it was validated', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'Hallo', { ...byLanguage, headers: ['ETag', '"de"'] })
    await fill(process, lookupFor(english), 'Hello', byLanguage)
    const austrian = lookupFor({ 'accept-language': 'de-at' })

    const missed = (await process.store.look(austrian)) as FoundNone
    expect(missed.variants).toMatchObject([{ etag: '"de"' }])
    const variant = await variantOf(process, austrian, missed)
    expect(bodyOf(variant)).toBe('Hallo')
    const freshened = { entry: variant.entry, body: variant.body, stamp: process.newStamp() }
    expect(await process.store.replace(austrian, variant, freshened)).toBe('stored')

    expect(bodyOf(await process.store.look(austrian))).toBe('Hallo')
    expect(bodyOf(await process.store.look(lookupFor(german)))).toBe('Hallo')
  })

  it('Cache V7: answer nobody any more by what another request got anew', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'Hallo', { ...byLanguage, headers: ['ETag', '"de"'] })
    const austrian = lookupFor({ 'accept-language': 'de-at' })
    const variant = await variantOf(process, austrian, await process.store.look(austrian))
    await process.store.replace(austrian, variant, { ...variant, stamp: process.newStamp() })

    await fill(process, lookupFor(german), 'Moin', byLanguage)

    expect(bodyOf(await process.store.look(lookupFor(german)))).toBe('Moin')
    expect(bodyOf(await process.store.look(austrian))).toBe('vary-miss')
  })

  it('Cache V4: written by two processes at once are both found, and never each other', async () => {
    const one = openProcess()
    const two = openProcess(one)
    const [ofOne, ofTwo] = await Promise.all([one.store.look(lookupFor(german)), two.store.look(lookupFor(english))])

    await Promise.all([
      one.store.keep(lookupFor(german), ofOne, answer('Hallo', one.newStamp(), byLanguage)),
      two.store.keep(lookupFor(english), ofTwo, answer('Hello', two.newStamp(), byLanguage)),
    ])

    expect(bodyOf(await one.store.look(lookupFor(german)))).toBe('Hallo')
    expect(bodyOf(await one.store.look(lookupFor(english)))).toBe('Hello')
  })

  it('that a validation gave another Vary are judged by it from then on', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'Hallo', byLanguage)
    const found = (await process.store.look(lookupFor(german))) as FoundEntry
    const byPlan = lookupFor({ ...german, 'x-plan': 'gold' })

    await process.store.replace(byPlan, found, answer('Hallo', process.newStamp(), { vary: ['x-plan'] }))

    expect(bodyOf(await process.store.look(lookupFor({ 'x-plan': 'gold' })))).toBe('Hallo')
    expect(bodyOf(await process.store.look(lookupFor({ 'x-plan': 'blue' })))).toBe('vary-miss')
  })
})

describe('a stored part of an answer', () => {
  const part = { part: { first: 0, last: 4, total: 10 }, status: 206 }

  it('Cache G3: takes an empty place, and gives it up for the whole', async () => {
    const process = openProcess()
    const lookup = lookupFor()

    expect(await fill(process, lookup, 'start', part)).toBe('stored')
    expect(await process.store.look(lookup)).toMatchObject({ entry: { part: { first: 0, last: 4, total: 10 } } })
    expect(await fill(process, lookup, 'start-and-end')).toBe('stored')
    expect(bodyOf(await process.store.look(lookup))).toBe('start-and-end')
  })

  it('Cache G3: never takes the place of a whole, also one that came meanwhile', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const none = await process.store.look(lookup)
    await fill(process, lookup, 'whole')

    expect(await process.store.keep(lookup, none, answer('start', process.newStamp(), part))).toBe('exists')
    expect(await fill(process, lookup, 'start', part)).toBe('exists')
    expect(bodyOf(await process.store.look(lookup))).toBe('whole')
  })

  it('Cache G3: takes the place of the part that was found', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    await fill(process, lookup, 'start', part)

    expect(await fill(process, lookup, 'other', part)).toBe('stored')
    expect(bodyOf(await process.store.look(lookup))).toBe('other')
  })

  it('Cache V7: is nothing that a request for the whole could validate', async () => {
    const process = openProcess()
    await fill(process, lookupFor(german), 'start', { ...part, ...byLanguage, headers: ['ETag', '"de"'] })

    expect(((await process.store.look(lookupFor(english))) as FoundNone).variants).toEqual([])
  })
})
