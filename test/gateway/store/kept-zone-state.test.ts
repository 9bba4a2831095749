import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import { KeptZoneState } from '../../../gateway/store/kept-zone-state.ts'
import { FileZoneState } from '../../../gateway/store/shared-zone-state-file.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let last = 1_000n
const newStamp = (): bigint => ++last

beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const open = (place = 'one') => KeptZoneState.open({ folder: folder.path, place, newStamp, log: silentLog })

describe('what is kept of the zones', () => {
  it('outlives the process: floors, words of operators, what others owed, and the nodes', async () => {
    const kept = await open()
    kept.raise('far', 5n)
    kept.raise('*', 3n)
    kept.force('far', { state: 'write-only', stamp: 7n })
    kept.owing = new Set(['two near'])
    kept.poolIs('far', 'a b', newStamp)
    kept.life = '1 x'
    expect(await kept.save()).toBe(true)

    const again = await open()

    expect([again.floor('far'), again.floor('near')]).toEqual([5n, 3n])
    expect(again.forced.get('far')).toEqual({ state: 'write-only', stamp: 7n })
    expect([...again.owing]).toEqual(['two near'])
    expect(again.life).toBe('1 x')
    again.poolIs('far', 'a b', newStamp)
    expect(again.floor('far')).toBe(5n)
    const before = newStamp()
    again.poolIs('far', 'a b c', newStamp)
    expect(again.floor('far') > before).toBe(true)
  })

  it('takes over the floors and words of the other processes of its home, the newest of each', async () => {
    const [one, two] = [await open('one'), await open('two')]
    one.raise('far', 5n)
    two.raise('far', 9n)
    one.force('far', { state: 'write-only', stamp: 7n })
    two.force('far', { state: 'up', stamp: 8n })
    two.owing = new Set(['x near'])
    await Promise.all([one.save(), two.save()])

    const again = await open('one')

    expect([again.floor('far'), again.forced.get('far')?.state, again.owing.size]).toEqual([9n, 'up', 0])
  })

  it('never goes back: neither a floor nor a word', async () => {
    const kept = await open()

    expect([kept.raise('far', 5n), kept.raise('far', 4n), kept.floor('far')]).toEqual([true, false, 5n])
    expect(kept.force('far', { state: 'up', stamp: 5n })).toBe(true)
    expect(kept.force('far', { state: 'write-only', stamp: 4n })).toBe(false)
  })

  it.each([
    ['cut', '{"v":1,"floors":{"far":"5"'],
    ['of another form', '{"v":2}'],
    ['with a floor that is none', '{"v":1,"floors":{"far":"x"},"forced":{},"owing":[],"pools":{}}'],
    ['empty', ''],
  ])('serves nothing from before when what was kept is %s', async (_, text) => {
    await writeFile(folder.file('one.json'), text)
    const before = newStamp()

    const kept = await open()

    expect(kept.floor('far') > before).toBe(true)
  })

  it('says so when the disk takes nothing, and a later save has all of it', async () => {
    const kept = await open('one')
    await mkdir(folder.file('one.json'))
    kept.raise('far', 5n)

    expect(await kept.save()).toBe(false)
  })

  it('saves what was said while it was writing', async () => {
    const kept = await open()
    kept.raise('far', 5n)
    const first = kept.save()
    kept.raise('far', 6n)
    expect(await Promise.all([first, kept.save()])).toEqual([true, true])

    expect(JSON.parse(await readFile(folder.file('one.json'), 'utf8'))).toMatchObject({ floors: { far: '6' } })
  })
})

describe('the state of zones on the disk of one process', () => {
  it('Store Z4: nobody is told where nobody is, and where somebody may be nobody can be told', async () => {
    const alone = new FileZoneState({ kept: await open('one'), alone: true, newStamp })
    const several = new FileZoneState({ kept: await open('two'), alone: false, newStamp })

    expect([await alone.owes(), await several.owes()]).toEqual([true, false])
    expect([await alone.raise('far', 5n), await several.raise('far', 5n)]).toEqual([true, false])
    // Kept and held here in any case.
    expect([alone.floor('far'), several.floor('far')]).toEqual([5n, 5n])
    await expect(several.force('far', 'write-only')).rejects.toMatchObject({ code: 'cache-zone-state-unshared' })
  })

  it('Store Z6: an operator forbids a zone, gives it up and lets it be, also over a restart', async () => {
    const state = new FileZoneState({ kept: await open(), alone: true, newStamp })
    await state.force('far', 'write-only')
    const again = new FileZoneState({ kept: await open(), alone: true, newStamp })
    expect([again.mayRead('far'), again.mayRead('near')]).toEqual([false, true])

    const before = newStamp()
    await again.force('far', 'cold')

    expect([again.mayRead('far'), again.floor('far') > before]).toEqual([true, true])
  })
})
