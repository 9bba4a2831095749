import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import { keepLife, keptLife } from '../../../gateway/invalidation/stream-life.ts'

let home = ''
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'life-'))
})
afterAll(() => rm(home, { recursive: true }))

describe('the life of a group, as a home keeps it', () => {
  it('tells none from one, and from one that was made by somebody else', async () => {
    const path = join(home, 'life')
    expect(await keptLife(path, silentLog)).toBeUndefined()
    await keepLife(path, 'first 1')
    expect(await keptLife(path, silentLog)).toBe('first 1')
    await keepLife(path, '')
    expect(await keptLife(path, silentLog)).toBe('')
  })

  it('Store V4: a file that cannot be read is of a group that is not there any more', async () => {
    const path = join(home, 'a folder')
    await mkdir(path)

    expect(await keptLife(path, silentLog)).toBe('unreadable')
  })
})
