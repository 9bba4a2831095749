import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import { damageFile } from './damaged-files.ts'
import { temporaryFolder } from './temporary-folder.ts'

const written = Buffer.alloc(300_000, 'x')
const preallocated = Buffer.concat([written, Buffer.alloc(700_000)])

describe('a damaged file', () => {
  it('has one other bit, where something was written', async () => {
    await using folder = await temporaryFolder()
    await mkdir(folder.file('slot'))
    await writeFile(folder.file('slot/1.log'), preallocated)

    const damage = await damageFile(folder.path, 'flip', seededRandom(3))

    const after = await readFile(folder.file('slot/1.log'))
    const changed = [...after.keys()].filter((at) => after[at] !== preallocated[at])
    expect(damage).toEqual({ kind: 'flip', file: 'slot/1.log', at: changed[0] })
    expect(changed.length).toBe(1)
    expect(damage?.at).toBeLessThan(written.length)
  })

  it('is cut where something was written, at the same place with the same seed', async () => {
    const cuts: unknown[] = []
    for (const seed of [5, 5]) {
      await using folder = await temporaryFolder()
      await writeFile(folder.file('a'), preallocated)
      await writeFile(folder.file('b'), preallocated)

      const damage = await damageFile(folder.path, 'cut', seededRandom(seed))

      expect((await readFile(folder.file(damage?.file ?? ''))).length).toBe(damage?.at)
      cuts.push(damage)
    }
    expect(cuts[0]).toEqual(cuts[1])
  })

  it('is none where nothing was written', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('a'), Buffer.alloc(1000))

    expect(await damageFile(folder.path, 'cut', seededRandom(1))).toBe(undefined)
  })
})
