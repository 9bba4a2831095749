import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { signedFetch } from './support/control-plane.ts'
import { ringFile } from './support/keys.ts'
import { prepareProgram, startProgram } from './support/program.ts'

async function opened(file: RingFile): Promise<KeyRing> {
  const ring = await KeyRing.open(file)
  if (ring === undefined) throw new Error('the ring does not open')
  return ring
}

describe('a control plane that is told to read its keys again', () => {
  it('believes a ring that was written meanwhile, and keeps what it has when a file is broken', async () => {
    await using folder = await temporaryFolder()
    const prepared = await prepareProgram(folder)
    const { process, url } = await startProgram(prepared)
    try {
      const ring = ringFile('edge-control')
      const [fresh] = ring.keys
      const renewed = await opened(ring)
      const target = '/api/v1/edge/table?structure=0&placements=0'
      const answers = async (by: KeyRing) =>
        (await signedFetch(url, prepared.keys, 'GET', target, undefined, { ring: by })).status
      expect(await answers(renewed)).toBe(401)

      await writeFile(prepared.keys.files.edges, JSON.stringify({ ...ring, keys: [fresh] }))
      process.signal('SIGHUP')
      await process.waitFor(/the rings were read again/)
      expect(await answers(renewed)).not.toBe(401)
      expect(await answers(prepared.keys.keys.rings['edge-control'])).toBe(401)

      await writeFile(prepared.keys.files.edges, '{ half of')
      process.signal('SIGHUP')
      await process.waitFor(/read the keys again[^\n]*\n|kept-file-unusable/)
      expect(await answers(renewed)).not.toBe(401)
    } finally {
      await process.stop()
    }
  })
})
