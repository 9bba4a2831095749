import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { openExtensions } from '../../../gateway/extensions/open-extensions.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const closing = (place: string) => `
  export default (options) => ({ name: 'x', place: '${place}', close: async () => void options.closed.push('${place}') })`

describe('extensions of a configuration', () => {
  it('are closed again, all that were opened, when a later one is none', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('good.mjs'), closing('access'))
    await writeFile(folder.file('elsewhere.mjs'), closing('nowhere'))
    const closed: string[] = []
    const extension = (module: string) => ({ name: module.slice(0, -4), module, options: { closed } })
    const defaults = { budget: '5ms', whenFailed: 'refuse', enabled: true } as const
    const yaml = ['good.mjs', 'elsewhere.mjs'].map((module) => ({ ...defaults, ...extension(module) }))
    const path = (relative: string) => join(folder.path, relative)

    await expect(
      openExtensions({ yaml, path, clock: new HeldClock(), log: silentLog, metrics: createMetrics() }),
    ).rejects.toMatchObject({ code: 'extension-unusable' })
    expect(closed.toSorted()).toEqual(['access', 'nowhere'])
  })
})
