import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { budgets } from '../../../control-plane/edge/script-budgets.ts'
import { bundleWorker } from '../../../edge-worker/host/bundle.ts'

describe('the bundled worker', () => {
  it('is at most 18.5 KB after gzip, without the table: what the publisher takes', async () => {
    const { code } = await bundleWorker()

    expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(budgets.codeGzipBytes)
  })

  it('takes its first table from a module beside it', async () => {
    const { code } = await bundleWorker()

    expect(code.match(/from ?"[^"]+"/g)).toEqual(['from"./bundled-structure.json"'])
    expect(JSON.parse(readFileSync('edge-worker/bundled-structure.json', 'utf8'))).toEqual({})
  })

  it('has the same name for the same code', async () => {
    expect((await bundleWorker()).digest).toBe((await bundleWorker()).digest)
  })
})
