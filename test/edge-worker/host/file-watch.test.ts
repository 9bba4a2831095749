import { appendFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileWatch } from '../../../edge-worker/host/file-watch.ts'
import { eventually } from '../../support/eventually.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let files: string[]
let watch: FileWatch
let changes: number
beforeEach(async () => {
  folder = await temporaryFolder()
  files = [folder.file('edge.yaml'), folder.file('key.json')]
  for (const file of files) writeFileSync(file, 'one')
  changes = 0
  watch = new FileWatch(
    () => files,
    async () => {
      changes++
    },
    50,
  )
  await watch.start()
})
afterEach(async () => {
  watch.stop()
  await folder[Symbol.asyncDispose]()
})

const told = (count: number) => eventually(() => changes === count, { what: `${count} changes told` })

describe('a watch of files', () => {
  it('tells a change of any of them, once', async () => {
    writeFileSync(folder.file('key.json'), 'another')
    await told(1)
    writeFileSync(folder.file('edge.yaml'), 'another')
    await told(2)
  })

  it('tells a file that is written piece by piece only once it stands still', async () => {
    for (let piece = 0; piece < 40; piece++) {
      appendFileSync(folder.file('edge.yaml'), 'more')
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(changes).toBe(0)
    }
    await told(1)
  })

  it('tells a file that is swapped by a link, as mounted ones are, and one that is away', async () => {
    writeFileSync(folder.file('new'), 'two')
    symlinkSync(folder.file('new'), folder.file('link'))
    renameSync(folder.file('link'), folder.file('edge.yaml'))
    await told(1)
    rmSync(folder.file('key.json'))
    await told(2)
  })

  it('does not take a file for changed that is named for the first time, and sees it change from then on', async () => {
    writeFileSync(folder.file('ca.pem'), 'one')
    files = [...files, folder.file('ca.pem')]
    writeFileSync(folder.file('edge.yaml'), 'with an authority')
    await told(1)
    writeFileSync(folder.file('ca.pem'), 'another')
    await told(2)
  })
})
